//! `cargo bench`: how fast pages are merged and bodies passed on, and in how much
//! memory. It prints figures and judges none: machines differ.

#![allow(clippy::print_stdout)] // figures are what it is for

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const PAGES: usize = 50;
const ITEMS_PER_PAGE: usize = 5_000;
const BODY: usize = 200_000_000;
const KEYS: usize = 100_000_000;
const ROUNDS: usize = 5;

/// The filters that are compared with jq.
const FILTERS: [&str; 5] = [
    ".keys | length",
    ".keys[].key_id",
    ".keys[] | [.key_id, .key_name.web] | @csv",
    r#"[.keys[] | select(.tags | index("a")) | .key_name.web] | length"#,
    ".keys | map({(.key_name.web): .translations[0].translation}) | add | length",
];

fn main() {
    let server = Server::start();
    let page = server.page_length();
    println!("{PAGES} pages of {ITEMS_PER_PAGE} translations, {} MB together", PAGES * page / 1_000_000);
    let list = "/projects/1.2/translations?limit=5000&pagination=offset";
    for (name, arguments) in [
        ("--paginate", vec!["GET", list, "--paginate"]),
        ("--paginate --ndjson", vec!["GET", list, "--paginate", "--ndjson"]),
        (
            "--paginate --ndjson -q .translation_id",
            vec!["GET", list, "--paginate", "--ndjson", "-q", ".translation_id"],
        ),
        ("--paginate -q '.translations | length'", vec!["GET", list, "--paginate", "-q", ".translations | length"]),
    ] {
        let runs = runs(|| call(server.address, &arguments));
        let seconds = median(&runs, |run| run.wall).as_secs_f64();
        let rate = whole(PAGES) / seconds;
        let megabytes = whole(PAGES * page) / 1e6 / seconds;
        println!("  {name:40} {rate:6.1} pages/s  {megabytes:6.0} MB/s  {}", median(&runs, |run| run.peak).shown());
    }
    println!("a body of {} MB", BODY / 1_000_000);
    let ours = runs(|| call(server.address, &["GET", "/body"]));
    let plain = format!("http://{}/api2/body", server.address);
    let curls = runs(|| run(Command::new("curl").args(["-s", &plain])));
    for (name, runs) in [("call", &ours), ("curl", &curls)] {
        let megabytes = whole(BODY) / 1e6 / median(runs, |run| run.wall).as_secs_f64();
        println!("  {name:40} {:15} {megabytes:6.0} MB/s  {}", "", median(runs, |run| run.peak).shown());
    }
    let ratio = median(&curls, |run| run.wall).as_secs_f64() / median(&ours, |run| run.wall).as_secs_f64();
    println!("  call's rate is {ratio:.2} of curl's");
    compare_with_jq(&server);
}

/// One document of keys, filtered by `call` and by `curl | jq` (Debian has it as `jq`).
fn compare_with_jq(server: &Server) {
    println!("a document of {} MB with filters, compared with `curl | jq`", KEYS / 1_000_000);
    let path = "/projects/1.2/keys?limit=5000&page=1";
    let url = format!("http://{}/api2{path}", server.address);
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let saved = Command::new("curl").args(["-s", &url, "-o"]).arg(file.path()).status();
    assert!(saved.is_ok_and(|status| status.success()), "curl keeps the document");
    for (filter, ndjson) in FILTERS.iter().map(|filter| (*filter, false)).chain([(".key_id", true)]) {
        let flags: &[&str] = if ndjson { &["--ndjson"] } else { &[] };
        let ours = runs(|| call(server.address, &[&["GET", path, "--jq", filter], flags].concat()));
        let of_jq = if ndjson { ".keys[].key_id" } else { filter };
        let pipe = runs(|| run(Command::new("sh").args(["-c", r#"curl -s "$0" | jq -r "$1""#, &url, of_jq])));
        let alone = run(Command::new("jq").args(["-r", of_jq]).arg(file.path()));
        let ratio = median(&ours, |run| run.wall).as_secs_f64() / median(&pipe, |run| run.wall).as_secs_f64();
        let name = format!("{}{filter}", if ndjson { "--ndjson -q " } else { "" });
        println!(
            "  {name:76} {ratio:.2} of the time, {}, jq {}",
            median(&ours, |run| run.peak).shown(),
            alone.peak.shown()
        );
    }
}

/// What one process took.
struct Run {
    wall: Duration,
    peak: Peak,
}

/// The most memory that a process had, in KiB, where the system tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Peak(Option<u64>);

impl Peak {
    fn shown(self) -> String {
        self.0.map_or_else(|| "peak unknown".to_owned(), |kib| format!("{:5.1} MiB at most", kib_in_mib(kib)))
    }
}

fn runs(mut one: impl FnMut() -> Run) -> Vec<Run> {
    (0..ROUNDS).map(|_| one()).collect()
}

fn median<T: Ord>(runs: &[Run], figure: impl Fn(&Run) -> T) -> T {
    let mut figures: Vec<T> = runs.iter().map(figure).collect();
    figures.sort();
    figures.swap_remove(figures.len() / 2)
}

fn call(server: SocketAddr, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lokalise-auth"));
    command.arg("call").args(arguments);
    command.env("LOKALISE_API_URL", format!("http://{server}/api2"));
    // Each run is a token of its own, so that none waits for the turns of the one before.
    let unique = format!("{:040}", Instant::now().elapsed().as_nanos() + u128::from(fresh()));
    run(command.env("LOKALISE_API_TOKEN", unique))
}

fn fresh() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0)
}

/// Runs a process to its end with its output thrown away, and watches its memory meanwhile.
fn run(command: &mut Command) -> Run {
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the program can be started");
    let mut peak = None;
    let status = loop {
        peak = peak.max(resident(child.id()));
        match child.try_wait().expect("a child of ours") {
            Some(status) => break status,
            None => thread::sleep(Duration::from_millis(2)),
        }
    };
    let wall = begun.elapsed();
    assert!(status.success(), "{command:?} failed: {status}");
    Run { wall, peak: Peak(peak) }
}

/// The high-water mark of a process's memory so far, in KiB, as Linux tells it.
fn resident(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.parse().ok()
}

/// A server that costs little, since it is not measured: it has ready answers and no checks.
struct Server {
    address: SocketAddr,
    page: Arc<Vec<u8>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let address = listener.local_addr().expect("it was just bound");
        let (page, body, keys) = (Arc::new(page()), Arc::new(body()), Arc::new(keys()));
        let shared = (Arc::clone(&page), body, keys);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (page, body, keys) = (Arc::clone(&shared.0), Arc::clone(&shared.1), Arc::clone(&shared.2));
                // A client that goes away in the middle is the client's business.
                thread::spawn(move || serve(&stream, &page, &body, &keys).ok());
            }
        });
        Self { address, page }
    }

    fn page_length(&self) -> usize {
        self.page.len()
    }
}

fn serve(stream: &TcpStream, page: &[u8], body: &[u8], keys: &[u8]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(request) = lines.next().transpose()? {
        while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
        let is_page = request.contains("/translations");
        let number = request.split("page=").nth(1).map_or("1", |rest| rest.split([' ', '&']).next().unwrap_or("1"));
        let content = match () {
            () if is_page => page,
            () if request.contains("/keys") => keys,
            () => body,
        };
        let length = content.len();
        let total = PAGES * ITEMS_PER_PAGE;
        let counts = if is_page {
            format!(
                "X-Pagination-Total-Count: {total}\r\nX-Pagination-Page-Count: {PAGES}\r\nX-Pagination-Page: {number}\r\n"
            )
        } else {
            String::new()
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             X-RateLimit-Limit: 100\r\n{counts}\r\n"
        );
        let mut stream = stream;
        stream.write_all(head.as_bytes())?;
        stream.write_all(content)?;
    }
    Ok(())
}

/// A page of translations as Lokalise writes them.
fn page() -> Vec<u8> {
    let items: Vec<String> = (0..ITEMS_PER_PAGE).map(item).collect();
    format!(r#"{{"project_id":"1.2","translations":[{}]}}"#, items.join(",")).into_bytes()
}

fn item(number: usize) -> String {
    format!(
        r#"{{"translation_id":{number},"segment_number":1,"key_id":{number},"language_iso":"en","translation":"Translation number {number}, with some \"quotes\", an umlaut (ü) and about as much text as a sentence in an application has","modified_by":20181,"modified_by_email":"user1@example.com","modified_at":"2024-05-15 11:25:21 (Etc/UTC)","modified_at_timestamp":1715772321,"is_reviewed":false,"reviewed_by":0,"is_unverified":false,"is_fuzzy":false,"words":21,"custom_translation_statuses":[],"task_id":null}}"#
    )
}

/// One document of keys as Lokalise writes them.
fn keys() -> Vec<u8> {
    let mut keys = br#"{"project_id":"1.2","keys":["#.to_vec();
    for number in 0.. {
        let key = format!(
            r#"{{"key_id":{number},"created_at":"2024-05-15 11:25:21 (Etc/UTC)","key_name":{{"ios":"key_{number}","android":"key_{number}","web":"key_{number}","other":"key_{number}"}},"filenames":{{"ios":"","android":"","web":"en.json","other":""}},"description":"","platforms":["web"],"tags":["{}","b"],"comments":[],"screenshots":[],"translations":[{}],"is_plural":false,"is_hidden":false,"is_archived":false,"context":"","base_words":2,"char_limit":0}}"#,
            if number % 3 == 0 { "a" } else { "c" },
            item(number)
        );
        keys.extend_from_slice(key.as_bytes());
        if keys.len() >= KEYS {
            break;
        }
        keys.push(b',');
    }
    keys.extend_from_slice(b"]}");
    keys
}

/// One long answer.
fn body() -> Vec<u8> {
    let mut body = br#"{"translations":["#.to_vec();
    for number in 0.. {
        body.extend_from_slice(item(number).as_bytes());
        if body.len() >= BODY {
            break;
        }
        body.push(b',');
    }
    body.extend_from_slice(b"]}");
    body
}

#[allow(clippy::cast_precision_loss)] // figures for eyes
fn whole(number: usize) -> f64 {
    number as f64
}

#[allow(clippy::cast_precision_loss)]
fn kib_in_mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
