# Completes lokalise-auth in PowerShell 5.1 and newer. The program on PATH gives the
# candidates for the cursor; it opens no store and no connection for that.
#
# Load it by `lokalise-auth completions powershell | Out-String | Invoke-Expression` in $PROFILE

Register-ArgumentCompleter -Native -CommandName lokalise-auth -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # The words of the line. None of them is evaluated.
    $words = @(
        $commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object {
            if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value }
            else { $_.Extent.Text }
        }
    )
    # The count goes first, since PowerShell before 7.3 drops an empty word.
    lokalise-auth __complete powershell $words.Count @words $wordToComplete 2>$null | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        # A line without a value leaves the word to PowerShell, which offers files when nothing comes.
        if ($value) {
            $text = $value
            # Braces would begin a script block, other signs other things.
            if ($value -match '[^\w/.:=@,+-]' -or $value -match '^@|,') { $text = "'" + ($value -replace "'", "''") + "'" }
            if (-not $help) { $help = $value }
            [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $help)
        }
    }
}
