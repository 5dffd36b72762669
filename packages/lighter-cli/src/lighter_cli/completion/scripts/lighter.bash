# Completion of `lighter` for bash: asks the command itself, so that it knows the configs.
_lighter() {
  local IFS=$'\n'
  COMPREPLY=($("${COMP_WORDS[0]/#\~/$HOME}" --complete bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" "${COMP_LINE:COMP_POINT}" 2>/dev/null))
}
complete -o nospace -F _lighter lighter
