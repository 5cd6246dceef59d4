//! Bundles, friendly and hostile, and what they leave in a folder.

use std::io::{Cursor, Write};

use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

/// A folder inside another one, to see that nothing gets out.
struct TestFolder {
    outer: TempDir,
}

impl TestFolder {
    fn new() -> Self {
        Self { outer: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.outer.path().join("locales")
    }

    /// All there is, outside the folder too.
    fn all(&self) -> Vec<String> {
        fn below(folder: &Path, root: &Path, found: &mut Vec<String>) {
            let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            entries.sort();
            for path in entries {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
                if path.is_dir() && !path.is_symlink() {
                    below(&path, root, found);
                }
            }
        }
        let mut found = vec![];
        below(self.outer.path(), self.outer.path(), &mut found);
        found
    }

    fn unpack(&self, bundle: Vec<u8>) -> Result<Vec<PathBuf>> {
        let length = bundle.len() as u64;
        unpack(Cursor::new(bundle), length, &self.folder())
    }

    fn refusal(&self, bundle: Vec<u8>) -> String {
        match self.unpack(bundle) {
            Ok(files) => panic!("unpacked: {files:?}"),
            Err(error) => {
                assert_eq!(error.exit_code(), 1);
                error.to_string()
            }
        }
    }
}

fn bundle(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(vec![]));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The bundle with one name put for another of the same length, which the writer would not have taken.
fn renamed(mut bundle: Vec<u8>, name: &str, other: &str) -> Vec<u8> {
    assert_eq!(name.len(), other.len());
    let places: Vec<usize> =
        (0..bundle.len() - name.len()).filter(|at| bundle[*at..].starts_with(name.as_bytes())).collect();
    assert!(!places.is_empty());
    for at in places {
        bundle[at..at + name.len()].copy_from_slice(other.as_bytes());
    }
    bundle
}

#[test]
fn a_bundle_becomes_files_in_the_order_of_the_archive() {
    let place = TestFolder::new();
    let files =
        place.unpack(bundle(&[("locale/en.json", b"{}"), ("locale/de/app.json", b"{\"a\":1}"), ("b.txt", b"")]));
    let folder = place.folder();
    assert_eq!(
        files.unwrap(),
        [folder.join("locale/en.json"), folder.join("locale/de/app.json"), folder.join("b.txt")]
    );
    assert_eq!(fs::read(folder.join("locale/de/app.json")).unwrap(), b"{\"a\":1}");
    assert_eq!(
        place.all(),
        [
            "locales",
            "locales/b.txt",
            "locales/locale",
            "locales/locale/de",
            "locales/locale/de/app.json",
            "locales/locale/en.json"
        ]
    );
}

#[test]
fn a_bundle_replaces_the_files_of_an_earlier_one_and_leaves_others() {
    let place = TestFolder::new();
    fs::create_dir(place.folder()).unwrap();
    fs::write(place.folder().join("en.json"), "old").unwrap();
    fs::write(place.folder().join("own.txt"), "own").unwrap();
    place.unpack(bundle(&[("en.json", b"new")])).unwrap();
    assert_eq!(fs::read(place.folder().join("en.json")).unwrap(), b"new");
    assert_eq!(place.all(), ["locales", "locales/en.json", "locales/own.txt"]);
}

#[test]
fn files_that_share_their_data_are_refused() {
    let mut shared = bundle(&[("a.json", b"same"), ("b.json", b"same")]);
    // The second entry of the central directory gets the offset of the first file (APPNOTE §4.3.12).
    let second = shared.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    shared[second + 42..second + 46].fill(0);
    let place = TestFolder::new();
    assert_eq!(place.refusal(shared), "the bundle is not unpacked: some of its files overlap");
    assert_eq!(place.all(), [""; 0]);
}

#[test]
fn a_name_that_no_file_system_takes_leaves_nothing_behind() {
    let place = TestFolder::new();
    let long = "x".repeat(256);
    assert!(place.refusal(bundle(&[("en.json", b"{}"), (&long, b"{}")])).contains("it has an entry named"));
    assert_eq!(place.all(), [""; 0]);
    place.unpack(bundle(&[(&long[1..], b"{}")])).unwrap();
}

#[test]
fn a_name_that_leads_out_writes_nothing_at_all() {
    for (name, hostile) in [
        ("xx/evil.txt", "../evil.txt"),
        ("a/xx/xx/evil.txt", "a/../../evil.txt"),
        ("xtmp/evil.txt", "/tmp/evil.txt"),
        ("xx_evil.txt", "..\\evil.txt"),
        ("xx_evil.txt", "C:/evil.txt"),
        ("xxevil.txt", "c:evil.txt"),
        ("a/xevil.txt", "a//evil.txt"),
        ("a/x/evil.txt", "a/./evil.txt"),
        ("xevil.txt", "\nevil.txt"),
        ("xx", ".."),
    ] {
        let place = TestFolder::new();
        let bundle = renamed(bundle(&[("good.json", b"{}"), (name, b"evil")]), name, hostile);
        let message = place.refusal(bundle);
        assert!(message.contains("it has an entry named"), "{hostile}: {message}");
        assert_eq!(place.all(), [""; 0], "{hostile}");
    }
}

#[test]
fn links_and_devices_are_refused() {
    let mut writer = ZipWriter::new(Cursor::new(vec![]));
    writer.add_symlink("link", "/etc", SimpleFileOptions::default()).unwrap();
    let link = writer.finish().unwrap().into_inner();
    let place = TestFolder::new();
    assert_eq!(place.refusal(link), "the bundle is not unpacked: `link` is neither a file nor a folder");
    assert_eq!(place.all(), [""; 0]);

    let mut writer = ZipWriter::new(Cursor::new(vec![]));
    writer.start_file("device", SimpleFileOptions::default().unix_permissions(0o644)).unwrap();
    let mut device = writer.finish().unwrap().into_inner();
    // The external attributes' upper half is the mode: 0o100644 becomes a character device.
    let mode = 0o100_644_u16.to_le_bytes();
    let at = (0..device.len()).rev().find(|at| device[*at..].starts_with(&mode)).unwrap();
    device[at..at + 2].copy_from_slice(&0o020_644_u16.to_le_bytes());
    assert_eq!(place.refusal(device), "the bundle is not unpacked: `device` is neither a file nor a folder");
    assert_eq!(place.all(), [""; 0]);
}

#[test]
fn two_entries_of_one_name_are_refused() {
    let twice = renamed(bundle(&[("aaa.json", b"1"), ("bbb.json", b"2")]), "bbb.json", "aaa.json");
    let place = TestFolder::new();
    assert_eq!(place.refusal(twice), "the bundle is not unpacked: it has two entries of the same name");
    assert_eq!(place.all(), [""; 0]);
    let file_and_folder = renamed(bundle(&[("aaaa", b"1"), ("bbbb/c", b"2")]), "bbbb/c", "aaaa/c");
    assert_eq!(place.refusal(file_and_folder), "the bundle is not unpacked: `aaaa/c` stands below a file");
    assert_eq!(place.all(), [""; 0]);
}

#[test]
fn a_bundle_without_files_is_an_error() {
    let place = TestFolder::new();
    assert_eq!(place.refusal(bundle(&[])), "the bundle has no file in it");
    let mut writer = ZipWriter::new(Cursor::new(vec![]));
    writer.add_directory("empty", SimpleFileOptions::default()).unwrap();
    assert_eq!(place.refusal(writer.finish().unwrap().into_inner()), "the bundle has no file in it");
    assert_eq!(place.all(), [""; 0]);
}

#[test]
fn a_bomb_is_refused_before_anything_is_written() {
    let zeros = vec![0; usize::try_from(RATIO_FREE).unwrap() + 1];
    let place = TestFolder::new();
    assert_eq!(
        place.refusal(bundle(&[("a.txt", b"a"), ("zeros", &zeros)])),
        "the bundle is not unpacked: its files are larger than any export's"
    );
    assert_eq!(place.all(), [""; 0]);
}

#[test]
fn a_broken_bundle_leaves_nothing() {
    let place = TestFolder::new();
    let good = bundle(&[("a.txt", b"some text that is not too short"), ("b.txt", b"more of it, and then some more")]);
    for length in [0, 10, good.len() / 2, good.len() - 5] {
        let message = place.refusal(good[..length].to_vec());
        assert!(message.starts_with("the bundle cannot be unpacked: "), "{message}");
    }
    place.refusal(b"<html>AccessDenied</html>".to_vec());
    let mut damaged = good;
    let text = damaged.windows(2).position(|bytes| bytes == b"b.").unwrap() + 8;
    damaged[text] ^= 0xff;
    place.refusal(damaged);
    assert_eq!(place.all(), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_link_that_is_already_there_is_not_written_through() {
    use std::os::unix::fs::symlink;
    let place = TestFolder::new();
    let outside = place.outer.path().join("outside");
    fs::create_dir_all(place.folder()).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("target"), "kept").unwrap();
    symlink(outside.join("target"), place.folder().join("en.json")).unwrap();
    symlink(&outside, place.folder().join("dir")).unwrap();

    place.unpack(bundle(&[("en.json", b"new")])).unwrap();
    assert_eq!(fs::read(outside.join("target")).unwrap(), b"kept");
    assert_eq!(fs::read(place.folder().join("en.json")).unwrap(), b"new");

    assert!(place.refusal(bundle(&[("dir/x.json", b"new")])).ends_with("is in the way: it is no folder"));
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn unpacked_files_have_the_rights_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let place = TestFolder::new();
    place.unpack(bundle(&[("a.txt", b"a")])).unwrap();
    let plain = place.outer.path().join("plain");
    fs::write(&plain, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&place.folder().join("a.txt")), mode(&plain));
}

#[test]
fn names_that_windows_keeps_for_itself_are_known() {
    for name in ["CON", "nul.txt", "com1", "LPT9.json", "a:b", "what?", "end.", "end ", "a|b"] {
        assert!(!is_plain_on_windows(name), "{name}");
    }
    for name in ["console", "com10", "en.json", "zh-Hans", ".hidden", "company"] {
        assert!(is_plain_on_windows(name), "{name}");
    }
}
