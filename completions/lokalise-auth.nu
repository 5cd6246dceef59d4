# Completes lokalise-auth in nushell 0.101 and newer. The program on PATH gives the
# candidates for the cursor; it opens no store and no connection for that.
#
# Load it for good by typing these lines in nushell once:
#   let folder = $nu.user-autoload-dirs.0
#   mkdir $folder
#   lokalise-auth completions nushell | save -f $"($folder)/lokalise-auth.nu"

$env.config.completions.external.enable = true
$env.config.completions.external.completer = do {|previous|
    # Other programs keep their completer.
    let others = {|spans| if $previous == null { null } else { do $previous $spans } }
    {|spans: list<string>|
        if ($spans | first) != 'lokalise-auth' {
            do $others $spans
        } else {
            # A word may be in quotes already; nothing of it is evaluated.
            let words = $spans | each {|word| $word | str replace --all --regex "^['\"`]|['\"`]$" '' }
            let lines = ^lokalise-auth __complete nushell ...$words | complete | get stdout | lines
            let first = $lines | get 0? | default ''
            if ($first | str starts-with "\tcommand ") {
                # What `exec` is to run begins at this word.
                do $others ($spans | skip ($first | str replace "\tcommand " '' | into int))
            } else if ($lines | is-empty) or ($first | str starts-with "\t") {
                # Nothing, files or folders: nushell offers files.
                null
            } else {
                $lines | each {|line|
                    let parts = $line | split row --number 2 "\t"
                    # Braces and other signs would begin something else.
                    let value = if $parts.0 =~ '[^\w/.:=@,+-]' { $"'($parts.0)'" } else { $parts.0 }
                    {value: $value, description: ($parts.1? | default '')}
                }
            }
        }
    }
} $env.config?.completions?.external?.completer?
