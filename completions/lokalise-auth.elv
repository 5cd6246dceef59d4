# Completes lokalise-auth in elvish. The program on PATH gives the candidates for the
# cursor; it opens no store and no connection for that.
#
# Load it by `eval (lokalise-auth completions elvish | slurp)` in ~/.config/elvish/rc.elv

use str

set edit:completion:arg-completer[lokalise-auth] = {|@words|
    for line [(e:lokalise-auth __complete elvish $@words)] {
        var value help = (str:split &max=2 "\t" $line)
        if (!=s $value '') {
            # An unfinished word gets no space after it.
            var suffix = ' '
            for end ['=' ':' '/'] {
                if (str:has-suffix $value $end) { set suffix = '' }
            }
            var display = $value
            if (!=s $help '') { set display = $value'  '$help }
            edit:complex-candidate $value &display=$display &code-suffix=$suffix
        } else {
            # elvish itself completes files, folders and other commands.
            edit:complete-filename $@words
        }
    }
}
