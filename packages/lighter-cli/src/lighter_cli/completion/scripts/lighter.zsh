#compdef lighter
# Completion of `lighter` for zsh: asks the command itself, so that it knows the configs.
_lighter() {
  local -a given found finished open
  given=("${(@Q)words[2,-1]}")
  given[CURRENT-1]=$PREFIX  # without a quote that is still open
  found=("${(@f)$(${(Q)words[1]} --complete zsh $((CURRENT - 2)) "${(@Q)given}" 2>/dev/null)}")
  finished=(${${(M)found:#* }% })
  open=(${found:#* })
  (( $#finished )) && compadd -a finished
  (( $#open )) && compadd -S '' -a open
}
compdef _lighter lighter
