# Completes lokalise-auth in bash 3.2 and newer. The program on PATH is asked for
# what could stand at the cursor; it opens no store and no connection for that.
#
# Load it by `eval "$(lokalise-auth completions bash)"` in ~/.bashrc, or install it as
# ~/.local/share/bash-completion/completions/lokalise-auth

_lokalise_auth() {
    local lines line first
    COMPREPLY=()
    # The whole line, not COMP_WORDS: bash splits those at `=` and `:`.
    lines=$(command lokalise-auth __complete bash "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null) || return 0
    case $lines in
        $'\tfiles')
            compopt -o default 2>/dev/null || COMPREPLY=($(compgen -f -- "$2"))
            return 0
            ;;
        $'\tfolders')
            compopt -o dirnames 2>/dev/null || COMPREPLY=($(compgen -d -- "$2"))
            return 0
            ;;
        $'\tcommand '*)
            first=${lines#$'\tcommand '}
            if declare -F _comp_command_offset >/dev/null; then
                _comp_command_offset "$first"
            elif declare -F _command_offset >/dev/null; then
                _command_offset "$first"
            else
                compopt -o default 2>/dev/null
                ((COMP_CWORD == first)) && COMPREPLY=($(compgen -c -- "$2"))
            fi
            return 0
            ;;
    esac
    while IFS= read -r line; do
        [[ -z $line ]] || COMPREPLY+=("${line%%$'\t'*}")
    done <<<"$lines"
    # What is to be carried on wants no space behind it.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=:/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
    return 0
}

# The order is the program's, where bash can keep it.
complete -o nosort -F _lokalise_auth lokalise-auth 2>/dev/null || complete -F _lokalise_auth lokalise-auth
