# Completion of `lighter` for fish: asks the command itself, so that it knows the configs.
function __lighter_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct | string unescape)
    $words[1] --complete fish (math (count $words) - 1) $words[2..-1] "$current" 2>/dev/null | string trim --right
end
complete -c lighter -f -a '(__lighter_complete)'
