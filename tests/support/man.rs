//! Writes the manual pages into a folder: `cargo run --example man -- FOLDER [DATE]`.
//! An example and not a command, so that the program does not carry what only packages need.

mod manual;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, date) = match &arguments[..] {
        [folder] => (folder, ""),
        [folder, date] => (folder, date.as_str()),
        _ => return failed("usage: man FOLDER [DATE]"),
    };
    match write_pages(Path::new(folder), date) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("{folder}: {error}")),
    }
}

fn write_pages(folder: &Path, date: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for page in manual::pages(date) {
        std::fs::write(folder.join(page.file_name), page.text)?;
    }
    Ok(())
}

fn failed(why: &str) -> ExitCode {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("man: {why}\n").as_bytes());
    ExitCode::FAILURE
}
