//! No more than six requests a second for one token (lokalise.md §6), whoever makes them:
//! all processes of a user take their turns from one small file under a lock.
//! If the file cannot be used, requests go out unpaced; nothing ever fails here.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::header::HeaderMap;

use crate::store::lock;

/// What Lokalise documents, until an answer grants something else.
const DOCUMENTED: usize = 6;

/// No grant beyond this is believed.
const MOST: usize = 100;

/// A second, and a tenth more: a request that starts late would otherwise arrive within a second of six others.
const WINDOW: u64 = 1_100;

/// A turn further off than this was written by a clock that has since been put back.
const FARTHEST: u64 = 60_000;

/// A token that was not used for so long is forgotten, with what it was granted.
const FORGOTTEN: u64 = 3_600_000;

/// The lock is held for a few file operations; if it takes longer, somebody was stopped while holding it.
const PATIENCE: Duration = Duration::from_millis(500);

/// The turns of one token.
pub struct Pace {
    file: PathBuf,
    key: String,
}

/// One token's line in the file: the requests it is granted in a window, and the milliseconds of its last turns.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Turns {
    key: String,
    granted: usize,
    starts: Vec<u64>,
}

impl Pace {
    /// The turns that all of this user's processes on this machine take with one token, if there is a place for them.
    pub fn of_user(key: impl Into<String>) -> Option<Self> {
        lock::user_folder().ok().map(|folder| Self::new(folder.join("pace"), key))
    }

    /// The pace of the token that `key` stands for: a digest, never the token.
    pub fn new(file: PathBuf, key: impl Into<String>) -> Self {
        Self { file, key: key.into() }
    }

    /// Takes the next turn and says how long it is until then. A single call never waits.
    pub fn turn(&self, now: SystemTime) -> Duration {
        self.with_turns(now, |turns, now| Duration::from_millis(turns.take(now) - now)).unwrap_or_default()
    }

    /// Notes how many requests a second an answer grants.
    pub fn learn(&self, headers: &HeaderMap, now: SystemTime) {
        let stated = headers.get("x-ratelimit-limit").and_then(|value| value.to_str().ok()).and_then(granted);
        if let Some(stated) = stated {
            // Its failure leaves the pace as it was.
            let _ = self.with_turns(now, |turns, _| turns.granted = stated);
        }
    }

    fn with_turns<T>(&self, now: SystemTime, change: impl FnOnce(&mut Turns, u64) -> T) -> io::Result<T> {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
        let mut file = locked(&self.file)?;
        let mut text = String::new();
        (&mut file).take(64 * 1024).read_to_string(&mut text)?;
        let mut lines: Vec<Turns> = text.lines().filter_map(Turns::parse).filter(|turns| turns.is_alive(now)).collect();
        let index = lines.iter().position(|turns| turns.key == self.key).unwrap_or_else(|| {
            lines.push(Turns { key: self.key.clone(), granted: DOCUMENTED, starts: Vec::new() });
            lines.len() - 1
        });
        let answer = change(&mut lines[index], now);
        let changed: String = lines.iter().map(Turns::line).collect();
        if changed != text {
            file.rewind()?;
            file.set_len(0)?;
            file.write_all(changed.as_bytes())?;
        }
        Ok(answer)
    }
}

impl Turns {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let key = words.next().filter(|key| !key.is_empty())?.to_owned();
        let granted = words.next()?.parse().ok().filter(|granted| (1..=MOST).contains(granted))?;
        let starts = words.map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { key, granted, starts })
    }

    fn line(&self) -> String {
        let numbers = [self.granted as u64].into_iter().chain(self.starts.iter().copied());
        let words: Vec<String> =
            [self.key.clone()].into_iter().chain(numbers.map(|number| number.to_string())).collect();
        words.join(" ") + "\n"
    }

    fn is_alive(&self, now: u64) -> bool {
        self.starts.last().is_some_and(|last| last + FORGOTTEN > now)
    }

    /// When the next request may start: now, unless as many as are granted start in the window before.
    fn take(&mut self, now: u64) -> u64 {
        if self.starts.iter().any(|start| *start > now + FARTHEST) {
            self.starts.clear();
        }
        let blocking = self.starts.len().checked_sub(self.granted).map(|index| self.starts[index]);
        let start = blocking.map_or(now, |blocking| now.max(blocking + WINDOW));
        self.starts.push(start);
        // Not in order already if more was granted while others were waiting.
        self.starts.sort_unstable();
        self.starts.drain(..self.starts.len().saturating_sub(self.granted));
        start
    }
}

/// How many requests a second `X-RateLimit-Limit` grants: `10`, or `10, 10;w=1, 600;w=60`.
fn granted(stated: &str) -> Option<usize> {
    stated
        .split(',')
        .filter_map(|policy| {
            let (quota, rest) = policy.split_once(';').unwrap_or((policy, "w=1"));
            let seconds: usize = rest.trim().strip_prefix("w=")?.parse().ok()?;
            // Of a longer window, the whole quota may go in its first second.
            (seconds >= 1).then(|| quota.trim().parse::<usize>().ok()).flatten()
        })
        .min()
        .filter(|granted| *granted > 0)
        .map(|granted| granted.min(MOST))
}

/// Opens the file, for its owner alone, and locks it against other processes and threads.
fn locked(path: &Path) -> io::Result<File> {
    let file = lock::open(path)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn turns(granted: usize) -> Turns {
        Turns { key: "k".into(), granted, starts: vec![] }
    }

    fn at(milliseconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + milliseconds)
    }

    #[test]
    fn no_more_than_six_requests_start_within_a_second() {
        let mut turns = turns(6);
        // Forty arrive in bursts, at odd moments.
        let starts: Vec<u64> = (0..40_u64).map(|number| turns.take(10_000 + number / 7 * 130)).collect();
        assert!(starts.is_sorted());
        for six in starts.windows(7) {
            assert!(six[6] - six[0] > 1_000, "{starts:?}");
        }
        assert_eq!(starts[..6], [10_000; 6], "the first six do not wait");
        assert!(starts[39] <= 10_000 + 6 * WINDOW + 1_000, "none waits longer than it must: {starts:?}");
    }

    #[test]
    fn a_single_call_never_waits() {
        let mut turns = turns(6);
        for second in 0..20 {
            assert_eq!(turns.take(second * 1_000), second * 1_000);
        }
    }

    #[test]
    fn a_clock_that_was_put_back_makes_nobody_wait() {
        let mut turns = turns(6);
        for _ in 0..30 {
            turns.take(10_000_000);
        }
        assert_eq!(turns.take(5_000), 5_000);
    }

    #[test]
    fn all_processes_take_their_turns_from_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pace");
        let waits: Vec<Duration> = (0..13).map(|_| Pace::new(file.clone(), "key").turn(at(0))).collect();
        let expected: Vec<u64> = [vec![0; 6], vec![WINDOW; 6], vec![2 * WINDOW]].concat();
        assert_eq!(waits, expected.into_iter().map(Duration::from_millis).collect::<Vec<_>>());
        assert_eq!(Pace::new(file.clone(), "other").turn(at(0)), Duration::ZERO, "another token has turns of its own");
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        Pace::new(file.clone(), "third").turn(at(2 * FORGOTTEN));
        assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1, "the old ones are forgotten");
    }

    #[test]
    fn threads_at_once_get_different_turns() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pace");
        let mut waits: Vec<Duration> = std::thread::scope(|scope| {
            let turn = || Pace::new(file.clone(), "key").turn(at(0));
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(turn)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        waits.sort();
        let expected = [vec![0; 6], vec![WINDOW; 6], vec![2 * WINDOW; 4]].concat();
        assert_eq!(waits, expected.into_iter().map(Duration::from_millis).collect::<Vec<_>>());
    }

    #[test]
    fn an_answer_may_grant_another_pace() {
        let folder = tempfile::tempdir().unwrap();
        let pace = Pace::new(folder.path().join("pace"), "key");
        pace.turn(at(0));
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-limit", "10, 10;w=1, 10;w=1".parse().unwrap());
        pace.learn(&headers, at(1));
        let waits: Vec<bool> = (0..11).map(|_| pace.turn(at(2)).is_zero()).collect();
        assert_eq!(waits, [vec![true; 9], vec![false; 2]].concat());
    }

    #[test]
    fn a_grant_is_read_with_its_window() {
        for (stated, expected) in [
            ("10, 10;w=1, 10;w=1", Some(10)),
            ("6", Some(6)),
            ("10;w=1, 3;w=60", Some(3)),
            ("100000", Some(MOST)),
            ("0", None),
            ("-1", None),
            ("ten", None),
            ("", None),
            ("10;burst=2", None),
        ] {
            assert_eq!(granted(stated), expected, "{stated}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_paces_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let pace = Pace::new(folder.path().to_owned(), "key");
        for _ in 0..10 {
            assert_eq!(pace.turn(at(0)), Duration::ZERO);
        }
        let file = folder.path().join("pace");
        // A file that others can read would not even be looked at.
        let odd = b"key 6 x\nnonsense\n\0\nother 6 1700000000000\nkey 99999999999999999999";
        lock::open(&file).unwrap().write_all(odd).unwrap();
        assert_eq!(Pace::new(file.clone(), "key").turn(at(0)), Duration::ZERO);
        assert_eq!(fs::read_to_string(&file).unwrap(), "other 6 1700000000000\nkey 6 1700000000000\n");
    }

    #[test]
    fn a_lock_that_is_never_let_go_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pace");
        let held = locked(&file).unwrap();
        assert_eq!(Pace::new(file, "key").turn(at(0)), Duration::ZERO);
        drop(held);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pace");
        Pace::new(file.clone(), "key").turn(at(0));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
