# Completes lokalise-auth in bash 3.2 and newer. The program on PATH gives the
# candidates for the cursor; it opens no store and no connection for that.
#
# Load it by `eval "$(lokalise-auth completions bash)"` in ~/.bashrc, or install it as
# ~/.local/share/bash-completion/completions/lokalise-auth

_lokalise_auth() {
    local lines line
    COMPREPLY=()
    # The whole line, not COMP_WORDS: bash splits those at `=` and `:`.
    lines=$(command lokalise-auth __complete bash "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null) || return 0
    case $lines in
        $'\tfiles')
            compopt -o default 2>/dev/null && return 0
            _lokalise_auth_names -f "$2"
            return 0
            ;;
        $'\tfolders')
            compopt -o dirnames 2>/dev/null && return 0
            _lokalise_auth_names -d "$2"
            return 0
            ;;
        $'\tcommand '*)
            _lokalise_auth_command "${lines#$'\tcommand '}" "$2"
            return 0
            ;;
    esac
    while IFS= read -r line; do
        [[ -z $line ]] || COMPREPLY+=("${line%%$'\t'*}")
    done <<<"$lines"
    # An unfinished word gets no space after it.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=:/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
    return 0
}

# Offers names of files, folders or commands where bash cannot do it by itself: 3.2 has no compopt. It inserts them as
# they are, and a name may hold `$(…)`: each is quoted as the word at the cursor is, or left out.
_lokalise_auth_names() {
    local name before=${COMP_LINE:0:COMP_POINT}
    before=${before%"$2"}
    while IFS= read -r name; do
        [[ -n $name ]] || continue
        case $before in
            *\') [[ $name == *\'* ]] || COMPREPLY+=("$name") ;;
            *\") [[ $name == *[\"\$\`\\!]* ]] || COMPREPLY+=("$name") ;;
            *) COMPREPLY+=("$(printf %q "$name")") ;;
        esac
    done <<<"$(compgen "$1" -- "$2")"
}

# Completes the command that begins at this word of the line, which another program reads.
_lokalise_auth_command() {
    local rest=$COMP_LINE word=-1 at=0
    # Its place in COMP_WORDS: a piece that follows a space begins a word.
    for ((; at < COMP_CWORD; at++)); do
        [[ $at -eq 0 || ${rest%%"${COMP_WORDS[at]}"*} == *[[:space:]]* ]] && ((word += 1))
        ((word == $1)) && break
        rest=${rest#*"${COMP_WORDS[at]}"}
    done
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$at"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$at"
    else
        compopt -o default 2>/dev/null
        ((at == COMP_CWORD)) || return 0
        _lokalise_auth_names -c "$2"
    fi
}

# The order is the program's, where bash can keep it.
complete -o nosort -F _lokalise_auth lokalise-auth 2>/dev/null || complete -F _lokalise_auth lokalise-auth
