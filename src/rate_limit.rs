//! No more than six requests a second for one token (`src/lokalise/README.md`):
//! all processes of a user take their turns from one small file under a lock.
//! If the file cannot be used, requests go out unpaced; nothing ever fails here.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::header::HeaderMap;

use crate::files::lock;
use crate::world::World;

/// What Lokalise documents, until an answer grants something else.
const DOCUMENTED: usize = 6;

/// The largest grant that is believed.
const MAX_GRANT: usize = 100;

/// A second, and a little for clocks that are read in milliseconds. All times here are milliseconds.
const WINDOW: u64 = 1_010;

/// A request arrives some time between its start and its answer, and it is the arrival that the server counts. One
/// without an answer is taken to arrive within this time: connecting takes longer than that only where it fails.
const ASSUMED_TRANSIT: u64 = 500;

/// A token that was not used for this long is forgotten. A token with a rate of its own is kept longer.
const FORGET_AFTER: u64 = 10_000;
const FORGET_GRANT_AFTER: u64 = 3_600_000;

/// The most tokens in the file; the last used are kept.
const MAX_TOKENS: usize = 64;

/// The lock is held for a few file operations. If it takes longer, its holder was stopped.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// The turns of one token.
pub struct RateLimit {
    file: PathBuf,
    key: String,
}

/// The turn of one request, until its answer is there.
#[must_use = "the answer ends the turn"]
pub struct RateLimitTurn<'a> {
    pace: &'a RateLimit,
    start: u64,
}

/// One token's line in the file: how many requests it is granted in a second, and its last ones.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TokenTurns {
    key: String,
    granted: usize,
    requests: Vec<PacedRequest>,
}

/// When a request started, or, once that is known, when its answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PacedRequest {
    at: u64,
    is_answered: bool,
}

impl PacedRequest {
    /// The latest time at which it may arrive, seen from now.
    fn latest_arrival(self, now: u64) -> u64 {
        if self.is_answered { self.at } else { (self.at + ASSUMED_TRANSIT).min(now.max(self.at)) }
    }
}

impl RateLimit {
    /// The turns that all of this user's processes on this machine take with one token. `None` where there is no folder
    /// for them: then requests are not paced.
    pub fn of_user(world: &World, key: impl Into<String>) -> Option<Self> {
        let folder = lock::user_folder();
        let folder = folder.inspect_err(|error| world.step(&format!("requests are not paced: {error}"))).ok()?;
        Some(Self::new(folder.join("turns"), key))
    }

    /// The rate limit of the token that `key` identifies: a digest, never the token.
    pub fn new(file: PathBuf, key: impl Into<String>) -> Self {
        Self { file, key: key.into() }
    }

    /// Waits for the next turn. A single call never does.
    pub async fn turn(&self, now: SystemTime) -> RateLimitTurn<'_> {
        let begun = Instant::now();
        loop {
            let now = milliseconds(now + begun.elapsed());
            match self.with_turns(now, |turns| turns.take(now)) {
                Ok(Err(wait)) => tokio::time::sleep(Duration::from_millis(wait)).await,
                Ok(Ok(())) | Err(_) => return RateLimitTurn { pace: self, start: now },
            }
        }
    }

    fn with_turns<T>(&self, now: u64, change: impl FnOnce(&mut TokenTurns) -> T) -> io::Result<T> {
        let mut file = locked(&self.file)?;
        let mut bytes = Vec::with_capacity(4096);
        (&mut file).take(256 * 1024).read_to_end(&mut bytes)?;
        // What cannot be read is dropped, and pacing goes on.
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let alive: Vec<&str> = text.lines().filter(|line| is_alive(line, now)).collect();
        let is_own = |line: &&&str| line.split_once(' ').is_some_and(|(key, _)| key == self.key);
        let own = alive.iter().find(is_own).and_then(|line| TokenTurns::parse(line));
        let mut own = own.unwrap_or_else(|| TokenTurns::new(&self.key));
        let answer = change(&mut own);
        let mut changed = own.line();
        // The lines of other tokens, of which there may be many, are copied as they are.
        for other in alive.iter().filter(|line| !is_own(line)).take(MAX_TOKENS - 1) {
            changed.extend([other, "\n"]);
        }
        if changed != text {
            // Some file systems send a file that was emptied first to the disk at once, which takes longer than a
            // short request.
            file.rewind()?;
            file.write_all(changed.as_bytes())?;
            if changed.len() < bytes.len() {
                file.set_len(changed.len() as u64)?;
            }
        }
        Ok(answer)
    }
}

impl RateLimitTurn<'_> {
    /// Ends the turn, and notes how many requests a second the answer grants.
    pub fn answered(self, headers: &HeaderMap, now: SystemTime) {
        let now = milliseconds(now);
        let stated = headers.get("x-ratelimit-limit").and_then(|value| value.to_str().ok()).and_then(granted);
        // If it cannot be noted, the request counts as under way for a while.
        let _ = self.pace.with_turns(now, |turns| {
            turns.answer(self.start, now);
            turns.granted = stated.unwrap_or(turns.granted);
        });
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}

impl TokenTurns {
    fn new(key: &str) -> Self {
        Self { key: key.to_owned(), granted: DOCUMENTED, requests: Vec::new() }
    }

    /// `KEY GRANTED TIME TIME+`, where a plus marks a request without an answer.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let key = words.next().filter(|key| !key.is_empty())?.to_owned();
        let granted = words.next()?.parse().ok().filter(|granted| (1..=MAX_GRANT).contains(granted))?;
        let request = |word: &str| {
            let at = word.strip_suffix('+');
            Some(PacedRequest { at: at.unwrap_or(word).parse().ok()?, is_answered: at.is_none() })
        };
        let requests = words.map(request).collect::<Option<_>>()?;
        Some(Self { key, granted, requests })
    }

    fn line(&self) -> String {
        let mut words = vec![self.key.clone(), self.granted.to_string()];
        words.extend(self.requests.iter().map(|request| {
            let plus = if request.is_answered { "" } else { "+" };
            format!("{}{plus}", request.at)
        }));
        words.join(" ") + "\n"
    }

    /// Starts a request now, or returns how long it has to wait. With N requests a second, it waits until the Nth last
    /// request has arrived at least a second ago.
    fn take(&mut self, now: u64) -> Result<(), u64> {
        // Times in the future were written before the clock was set back.
        self.requests.retain(|request| request.at <= now + WINDOW);
        let mut arrivals: Vec<u64> = self.requests.iter().map(|request| request.latest_arrival(now)).collect();
        arrivals.sort_unstable();
        if let Some(first) = arrivals.len().checked_sub(self.granted) {
            let free = arrivals[first] + WINDOW;
            if free > now {
                return Err(free - now);
            }
        }
        self.requests.push(PacedRequest { at: now, is_answered: false });
        self.requests.drain(..self.requests.len().saturating_sub(MAX_GRANT));
        self.requests.retain(|request| request.at + ASSUMED_TRANSIT + WINDOW >= now);
        Ok(())
    }

    fn answer(&mut self, start: u64, now: u64) {
        let own = |request: &&mut PacedRequest| request.at == start && !request.is_answered;
        if let Some(request) = self.requests.iter_mut().find(own) {
            // A late answer says nothing new: the request arrived long before it.
            *request = PacedRequest { at: now.clamp(start, start + ASSUMED_TRANSIT), is_answered: true };
        }
    }
}

/// Whether a token's line is kept: it was used lately.
fn is_alive(line: &str, now: u64) -> bool {
    let mut words = line.split(' ');
    let (Some(_key), Some(granted), Some(last)) = (words.next(), words.next(), words.next_back()) else { return false };
    let kept_for = match granted.parse() {
        Ok(DOCUMENTED) => FORGET_AFTER,
        Ok(1..=MAX_GRANT) => FORGET_GRANT_AFTER,
        _ => return false,
    };
    let last: Option<u64> = last.strip_suffix('+').unwrap_or(last).parse().ok();
    last.is_some_and(|last| last.saturating_add(kept_for) > now)
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
        .map(|granted| granted.min(MAX_GRANT))
}

/// Opens the file, for its owner alone, and locks it against other processes and threads.
fn locked(path: &Path) -> io::Result<File> {
    let file = lock::open(path)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_TIMEOUT => {
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

    fn turns(granted: usize) -> TokenTurns {
        TokenTurns { granted, ..TokenTurns::new("k") }
    }

    /// When requests start that all want to at the beginning, and are answered so long after.
    fn starts(turns: &mut TokenTurns, count: usize, answered_after: u64) -> Vec<u64> {
        let (mut now, mut starts, mut under_way) = (10_000, vec![], Vec::<u64>::new());
        while starts.len() < count {
            for start in under_way.extract_if(.., |start| *start + answered_after <= now) {
                turns.answer(start, now);
            }
            match turns.take(now) {
                Ok(()) => {
                    starts.push(now);
                    under_way.push(now);
                }
                Err(_) => now += 1,
            }
        }
        starts
    }

    #[test]
    fn no_more_than_six_requests_arrive_within_a_second() {
        for answered_after in [0, 1, 80, 150, 400, 499] {
            let starts = starts(&mut turns(6), 40, answered_after);
            assert_eq!(starts[..6], [10_000; 6], "the first six do not wait");
            for six in starts.windows(7) {
                // The first may arrive with its answer, and the last as soon as it starts.
                assert!(six[6] - (six[0] + answered_after) > 1_000, "{answered_after}: {starts:?}");
            }
            let last = 10_000 + 6 * (WINDOW + answered_after);
            assert!(starts[39] <= last, "{answered_after}: none waits longer than it must: {starts:?}");
        }
    }

    #[test]
    fn a_request_without_an_answer_is_waited_for_only_so_long() {
        let starts = starts(&mut turns(6), 13, 60_000);
        assert_eq!(starts[6], 10_000 + ASSUMED_TRANSIT + WINDOW);
        assert_eq!(starts[12], 10_000 + 2 * (ASSUMED_TRANSIT + WINDOW));
    }

    #[test]
    fn a_single_call_never_waits() {
        let mut turns = turns(6);
        for second in 10..30 {
            assert_eq!(turns.take(second * 1_000), Ok(()));
        }
    }

    #[test]
    fn a_clock_that_was_set_back_causes_no_wait() {
        let mut turns = turns(6);
        starts(&mut turns, 30, 10);
        assert_eq!(turns.take(5_000), Ok(()));
    }

    #[test]
    fn the_file_holds_what_was_written() {
        let line = "0123abcd 6 1700000000000 1700000000400+\n";
        let turns = TokenTurns::parse(line.trim()).unwrap();
        assert_eq!(
            turns.requests,
            [
                PacedRequest { at: 1_700_000_000_000, is_answered: true },
                PacedRequest { at: 1_700_000_000_400, is_answered: false },
            ]
        );
        assert_eq!(turns.line(), line);
        for nonsense in ["", "k", "k x", "k 0", "k 101", "k 6 x", "k 6 1 ++", " 6 1"] {
            assert_eq!(TokenTurns::parse(nonsense), None, "{nonsense}");
        }
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    /// Takes turns on as many threads at once, with answers that come at once, and returns how long that took.
    fn taken(file: &Path, count: usize, limit: &str) -> Duration {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-limit", limit.parse().unwrap());
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..count {
                scope.spawn(|| {
                    let pace = RateLimit::new(file.to_owned(), "key");
                    runtime().block_on(pace.turn(SystemTime::now())).answered(&headers, SystemTime::now());
                });
            }
        });
        begun.elapsed()
    }

    #[test]
    fn all_take_their_turns_from_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let took = taken(&folder.path().join("pace"), 13, "6");
        assert!(took >= Duration::from_millis(2 * WINDOW), "{took:?}");
        assert!(took < Duration::from_millis(3 * WINDOW), "{took:?}");
    }

    #[test]
    fn an_answer_may_grant_another_pace() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pace");
        taken(&file, 1, "10, 10;w=1, 10;w=1");
        let took = taken(&file, 9, "10");
        assert!(took < Duration::from_millis(WINDOW), "{took:?}");
    }

    #[test]
    fn tokens_that_are_used_no_more_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pace");
        lock::open(&file).unwrap(); // ours alone, or it is not used
        fs::write(&file, "old 6 1000\nnew 6 9000\nkey 6 10500\ngranted 10 1000\n").unwrap();
        let at = |milliseconds| UNIX_EPOCH + Duration::from_millis(milliseconds);
        let _ = runtime().block_on(RateLimit::new(file.clone(), "key").turn(at(1_000 + FORGET_AFTER)));
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text, "key 6 10500 11000+\nnew 6 9000\ngranted 10 1000\n", "the last one used is first");
    }

    #[test]
    fn many_tokens_do_not_swell_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pace");
        for number in 0..1_000 {
            let _ = runtime().block_on(RateLimit::new(file.clone(), number.to_string()).turn(UNIX_EPOCH));
        }
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("999 6 0+\n998 6 0+\n") && text.lines().count() == MAX_TOKENS, "{text}");
    }

    #[test]
    fn a_shorter_list_leaves_nothing_of_the_longer_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("turns");
        lock::open(&file).unwrap(); // ours alone, or it is not used
        fs::write(&file, "old 6 1000\n".repeat(10)).unwrap();
        let pace = RateLimit::new(file.clone(), "key");
        let _ = runtime().block_on(pace.turn(UNIX_EPOCH + Duration::from_secs(1_000_000)));
        assert_eq!(fs::read_to_string(&file).unwrap(), "key 6 1000000000+\n");
    }

    #[test]
    fn a_grant_is_read_with_its_window() {
        for (stated, expected) in [
            ("10, 10;w=1, 10;w=1", Some(10)),
            ("6", Some(6)),
            ("10;w=1, 3;w=60", Some(3)),
            ("100000", Some(MAX_GRANT)),
            ("0", None),
            ("-1", None),
            ("ten", None),
            ("", None),
            ("10;burst=2", None),
        ] {
            assert_eq!(granted(stated), expected, "{stated}");
        }
    }

    /// How long ten turns take: no time, if there is no pace.
    fn of_ten(file: &Path) -> Duration {
        let begun = Instant::now();
        for _ in 0..10 {
            runtime()
                .block_on(RateLimit::new(file.to_owned(), "key").turn(SystemTime::now()))
                .answered(&HeaderMap::new(), SystemTime::now());
        }
        begun.elapsed()
    }

    #[test]
    fn a_file_that_cannot_be_used_sets_no_pace() {
        let folder = tempfile::tempdir().unwrap();
        assert!(of_ten(folder.path()) < Duration::from_millis(500), "a folder in its place");
    }

    #[test]
    fn a_file_with_nonsense_in_it_is_put_right() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pace");
        lock::open(&file).unwrap(); // ours alone, or it is not used
        fs::write(&file, b"\xff\xfe\nnonsense\n").unwrap();
        assert!(of_ten(&file) >= Duration::from_millis(WINDOW));
        assert!(fs::read_to_string(&file).unwrap().starts_with("key 6 "));
    }

    #[test]
    fn a_lock_that_is_never_released_stops_no_request() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pace");
        let held = locked(&file).unwrap();
        let begun = Instant::now();
        let _ = runtime().block_on(RateLimit::new(file, "key").turn(SystemTime::now()));
        assert!(begun.elapsed() < 2 * LOCK_TIMEOUT);
        drop(held);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pace");
        let _ = runtime().block_on(RateLimit::new(file.clone(), "key").turn(SystemTime::now()));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
