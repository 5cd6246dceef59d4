//! Bundles, friendly and hostile, and what they leave in a folder.

use std::fs;
use std::io::Cursor;

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

    /// All files, those outside the folder too.
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
        unpack(Cursor::new(bundle), &self.folder(), &AtomicBool::new(false))
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
fn a_name_that_leads_out_writes_nothing_at_all() {
    for (name, hostile, why) in [
        ("xx/evil.txt", "../evil.txt", "it leads out of the folder"),
        ("a/xx/xx/evil.txt", "a/../../evil.txt", "it leads out of the folder"),
        ("xx_evil.txt", "..\\evil.txt", "it has a character that no file name should have"),
        ("xxevil.txt", "c:evil.txt", "it begins with a drive"),
        ("xgit/config", ".git/config", "git would take it for its own folder"),
        ("xx", "..", "it leads out of the folder"),
    ] {
        let place = TestFolder::new();
        let bundle = renamed(bundle(&[("good.json", b"{}"), (name, b"evil")]), name, hostile);
        let message = place.refusal(bundle);
        assert_eq!(message, format!("the bundle is not unpacked: it has an entry named `{hostile}`, and {why}"));
        assert_eq!(place.all(), [""; 0], "{hostile}");
    }
}

#[test]
fn an_entry_for_the_folder_itself_is_ignored() {
    let place = TestFolder::new();
    let with_folder = renamed(bundle(&[("xy", b""), ("en.json", b"{}")]), "xy", "./");
    assert_eq!(place.unpack(with_folder).unwrap(), [place.folder().join("en.json")]);
    let place = TestFolder::new();
    assert_eq!(place.refusal(renamed(bundle(&[("xy", b"")]), "xy", "./")), "the bundle has no file in it");
    let nameless = renamed(bundle(&[("x", b"a")]), "x", ".");
    assert!(place.refusal(nameless).ends_with("it has an entry named `.`, and no file can have that name"));
}

#[test]
fn an_archive_may_have_other_bytes_in_front() {
    let place = TestFolder::new();
    let bundle = [&b"#!/bin/sh PK\x01\x02 PK\x05\x06 exit\n"[..], &bundle(&[("en.json", b"{}")])].concat();
    assert_eq!(place.unpack(bundle).unwrap(), [place.folder().join("en.json")]);
}

#[test]
fn links_and_devices_are_refused() {
    let mut writer = ZipWriter::new(Cursor::new(vec![]));
    writer.add_symlink("link", "/etc", SimpleFileOptions::default()).unwrap();
    let link = writer.finish().unwrap().into_inner();
    let place = TestFolder::new();
    assert_eq!(place.refusal(link), "the bundle is not unpacked: its entry `link` is neither a file nor a folder");
    assert_eq!(place.all(), [""; 0]);

    let mut writer = ZipWriter::new(Cursor::new(vec![]));
    writer.start_file("device", SimpleFileOptions::default().unix_permissions(0o644)).unwrap();
    let mut device = writer.finish().unwrap().into_inner();
    // The external attributes' upper half is the mode: 0o100644 becomes a character device.
    let mode = 0o100_644_u16.to_le_bytes();
    let at = (0..device.len()).rev().find(|at| device[*at..].starts_with(&mode)).unwrap();
    device[at..at + 2].copy_from_slice(&0o020_644_u16.to_le_bytes());
    assert_eq!(place.refusal(device), "the bundle is not unpacked: its entry `device` is neither a file nor a folder");
    assert_eq!(place.all(), [""; 0]);
}

#[test]
fn a_long_name_is_cut_in_the_message() {
    let place = TestFolder::new();
    let (name, hostile) = (format!("xx{}", "x".repeat(60_000)), format!("..{}", "\\".repeat(60_000)));
    let message = place.refusal(renamed(bundle(&[(&name, b"evil")]), &name, &hostile));
    assert!(message.chars().count() < 700, "{} characters", message.chars().count());
}

#[test]
fn two_entries_of_one_name_are_refused() {
    let twice = renamed(bundle(&[("aaa.json", b"1"), ("bbb.json", b"2")]), "bbb.json", "aaa.json");
    let place = TestFolder::new();
    assert_eq!(place.refusal(twice), "the bundle is not unpacked: it has two entries named `aaa.json`");
    assert_eq!(place.all(), [""; 0]);
    let file_and_folder = renamed(bundle(&[("aaaa", b"1"), ("bbbb/c", b"2")]), "bbbb/c", "aaaa/c");
    assert_eq!(place.refusal(file_and_folder), "the bundle is not unpacked: its entry `aaaa/c` is below a file");
    let spelled_twice = renamed(bundle(&[("a/b.json", b"1"), ("xxa//b.json", b"2")]), "xxa//b.json", "./a//b.json");
    assert_eq!(place.refusal(spelled_twice), "the bundle is not unpacked: it has two entries named `a/b.json`");
    let file_then_folder = renamed(bundle(&[("aa", b"1"), ("bbb", b"")]), "bbb", "aa/");
    assert_eq!(place.refusal(file_then_folder), "the bundle is not unpacked: `aa` is a file and a folder in it");
    assert_eq!(place.all(), [""; 0]);
    place.unpack(renamed(bundle(&[("xx", b""), ("yyyyx.json", b"1")]), "yyyyx.json", "xx//x.json")).unwrap_err();
    place.unpack(renamed(bundle(&[("xxx", b""), ("yy/b.json", b"1")]), "xxx", "yy/")).unwrap();
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
    let zeros = vec![0; usize::try_from(RATIO_FREE_BYTES).unwrap() + 1];
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
    for length in [10, good.len() / 2, good.len() - 5] {
        let message = place.refusal(good[..length].to_vec());
        assert!(message.starts_with("the bundle cannot be unpacked: "), "{message}");
    }
    let mut damaged = good;
    let text = damaged.windows(2).position(|bytes| bytes == b"b.").unwrap() + 8;
    damaged[text] ^= 0xff;
    place.refusal(damaged);
    assert_eq!(place.all(), [""; 0]);
}

#[test]
fn a_body_that_is_no_archive_is_named_by_its_first_words() {
    let place = TestFolder::new();
    for (body, said) in [
        (&b"<Error><Code>AccessDenied</Code></Error>"[..], "it begins with `<Error><Code>AccessDenied</Code></Error>`"),
        (b"", "it is empty"),
        (b"\x1f\x8b\x08\x00", "it begins with the bytes 1f 8b 08 00"),
    ] {
        assert_eq!(place.refusal(body.to_vec()), format!("the bundle is not a zip archive: {said}"));
    }
    assert_eq!(place.all(), [""; 0]);
}

/// The list of an archive with `count` entries, and nothing else (APPNOTE §4.3.12, §4.3.14). The record at the end of a
/// zip64 archive says what it can, or refers to the larger one in front of it for everything.
fn list_of(count: u64, says_what_it_can: bool) -> Vec<u8> {
    let entry = [&b"PK\x01\x02"[..], &[0; 24], &[1, 0], &[0; 16], b"x"].concat();
    let mut bundle = entry.repeat(usize::try_from(count).unwrap());
    let size = bundle.len() as u64;
    bundle.extend([&b"PK\x06\x06"[..], &44_u64.to_le_bytes(), &[45, 0, 45, 0], &[0; 8]].concat());
    for number in [count, count, size, 0] {
        bundle.extend(number.to_le_bytes());
    }
    bundle.extend([&b"PK\x06\x07"[..], &[0; 4], &size.to_le_bytes(), &[1, 0, 0, 0]].concat());
    let size = if says_what_it_can { u32::try_from(size).unwrap() } else { u32::MAX };
    let offset = if says_what_it_can { 0 } else { u32::MAX };
    bundle.extend(
        [&b"PK\x05\x06"[..], &[0; 4], &[0xff; 4], &size.to_le_bytes(), &offset.to_le_bytes(), &[0; 2]].concat(),
    );
    bundle
}

#[test]
fn the_entries_are_counted_before_they_are_read() {
    let place = TestFolder::new();
    for says_what_it_can in [true, false] {
        let message = place.refusal(list_of(1_000_000, says_what_it_can));
        assert_eq!(message, "the bundle is not unpacked: it has more than 100,000 entries");
        let archive = Archive::open(Cursor::new(list_of(100_000, says_what_it_can)));
        assert_eq!(archive.unwrap().entry_count(), 100_000);
    }
}

#[test]
fn what_is_in_the_way_is_found_before_anything_is_written() {
    for (name, entry, is) in [
        ("en.json/", "en.json", "a folder, and the bundle has a file"),
        ("locales", "locales/en.json", "a file, and the bundle has a folder"),
    ] {
        let place = TestFolder::new();
        fs::create_dir(place.folder()).unwrap();
        match name.strip_suffix('/') {
            Some(name) => fs::create_dir(place.folder().join(name)).unwrap(),
            None => fs::write(place.folder().join(name), "old").unwrap(),
        }
        let before = place.all();
        let message = place.refusal(bundle(&[("aa.json", b"new"), (entry, b"new")]));
        let path = place.folder().join(name.trim_end_matches('/'));
        assert_eq!(message, format!("`{}` is in the way: it is {is} there", path.display()));
        assert_eq!(place.all(), before);
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_is_already_there_is_in_the_way() {
    use std::os::unix::fs::symlink;
    let place = TestFolder::new();
    let outside = place.outer.path().join("outside");
    fs::create_dir_all(place.folder()).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("target"), "kept").unwrap();
    symlink(outside.join("target"), place.folder().join("en.json")).unwrap();
    symlink(&outside, place.folder().join("dir")).unwrap();
    let before = place.all();
    for entry in ["en.json", "dir/x.json", "dir/y/x.json"] {
        let message = place.refusal(bundle(&[("aa.json", b"new"), (entry, b"new")]));
        assert!(message.contains("is in the way: it is a link, and the bundle has a "), "{message}");
        assert_eq!(place.all(), before);
    }
    assert_eq!(fs::read(outside.join("target")).unwrap(), b"kept");
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_exchanged_for_a_link_meanwhile_leads_nowhere() {
    use std::os::unix::fs::symlink;
    let place = TestFolder::new();
    let outside = place.outer.path().join("outside");
    fs::create_dir_all(place.folder().join("a/b")).unwrap();
    fs::create_dir_all(outside.join("b")).unwrap();
    let mut target = TargetFolder::existing(&place.folder()).unwrap().unwrap();
    target.check_file(Path::new("a/b/en.json")).unwrap();
    fs::rename(place.folder().join("a"), place.folder().join("old")).unwrap();
    symlink(&outside, place.folder().join("a")).unwrap();
    let mut target = TargetFolder::create(&place.folder()).unwrap();
    let written = target.write_file(Path::new("a/b/en.json"), |file| {
        file.write_all(b"new").unwrap();
        Ok(())
    });
    assert!(written.unwrap_err().message.contains("is in the way: it is a link"));
    assert_eq!(fs::read_dir(outside.join("b")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(place.folder().join("old/b")).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn a_folder_that_was_named_may_be_a_link() {
    let place = TestFolder::new();
    fs::create_dir(place.outer.path().join("real")).unwrap();
    std::os::unix::fs::symlink("real", place.folder()).unwrap();
    place.unpack(bundle(&[("en.json", b"{}")])).unwrap();
    assert_eq!(place.all(), ["locales", "real", "real/en.json"]);
}

#[test]
fn a_run_that_is_stopped_leaves_no_temporary_file() {
    let place = TestFolder::new();
    let stop = AtomicBool::new(true);
    let zip = bundle(&[("en.json", b"{}")]);
    assert_eq!(unpack(Cursor::new(zip), &place.folder(), &stop).unwrap_err().kind, ErrorKind::Interrupted);
    let mut target = TargetFolder::create(&place.folder()).unwrap();
    let copied = target.write_file(Path::new("en.json"), |new| {
        new.write_all(b"half").unwrap();
        copy(&b"more"[..], new, Path::new("en.json"), &stop)
    });
    assert_eq!(copied.unwrap_err().kind, ErrorKind::Interrupted);
    assert_eq!(place.all(), ["locales"]);
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
