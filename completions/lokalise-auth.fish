# Completes lokalise-auth in fish. The program on PATH gives the candidates for the
# cursor; it opens no store and no connection for that.
#
# Install it as ~/.config/fish/completions/lokalise-auth.fish, or load it by
# `lokalise-auth completions fish | source` in ~/.config/fish/config.fish

function __lokalise_auth_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l lines (command lokalise-auth __complete fish $words "$current" 2>/dev/null)
    switch "$lines[1]"
        case \tfiles
            __fish_complete_path (string replace --regex '^--[a-z-]+=' '' -- "$current")
        case \tfolders
            __fish_complete_directories (string replace --regex '^--[a-z-]+=' '' -- "$current")
        case \t'command *'
            # fish counts from one, the program from zero.
            set -l first (math (string replace \t'command ' '' -- $lines[1]) + 1)
            set -l inner (string escape -- $words[$first..-1]) "$current"
            complete --do-complete "$inner"
        case '*'
            string join \n -- $lines
    end
end

complete --command lokalise-auth --no-files --keep-order --arguments '(__lokalise_auth_complete)'
