//! Decides whether a request is sent again, and how long to wait before that.

use std::time::{Duration, SystemTime};

use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::http::stated_wait;

/// The most attempts of one request. The time budget usually ends sooner.
const MAX_TRIES: u32 = 10;

/// The first wait where the server asks for none. It doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The shortest wait, even where the server says "now". It doubles each time as well.
const MIN_WAIT: Duration = Duration::from_millis(100);

/// The result of one attempt.
pub enum AttemptResult<'a> {
    Answered(u16, &'a HeaderMap),
    /// No response came, or its body broke off.
    Unreachable,
}

/// What to do after an attempt.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// Take the result as it is.
    Keep,
    Wait(Duration),
    /// Waiting would help, but longer than is allowed.
    TooLong(Duration),
}

/// The attempts and waits of one request so far.
#[derive(Clone, Debug)]
pub struct Retries {
    /// `--max-wait`, or zero under `--no-retry`.
    budget: Duration,
    allowed: bool,
    /// Retry a 423 too: another request of ours holds the lock (`src/lokalise/README.md`, rate and size).
    through_locks: bool,
    /// Retry 408 and every 5xx too: Amazon S3 answers 500 to a request that succeeds a moment later.
    is_bundle: bool,
    tries: u32,
    waited: Duration,
}

impl Retries {
    pub fn new(budget: Duration, allowed: bool) -> Self {
        Self { budget, allowed, through_locks: false, is_bundle: false, tries: 1, waited: Duration::ZERO }
    }

    /// For parallel requests: a 423 is retried as well.
    pub fn through_locks(self) -> Self {
        Self { through_locks: true, ..self }
    }

    /// For the GET of a bundle: 408 and every 5xx are retried as well.
    pub fn of_bundle(self) -> Self {
        Self { is_bundle: true, ..self }
    }

    /// Decides after an attempt, and counts the wait if there is one. `jitter` is a random number from 0 to 1.
    pub fn decide(&mut self, method: &Method, outcome: &AttemptResult, now: SystemTime, jitter: f64) -> Decision {
        let again = match outcome {
            AttemptResult::Answered(429, _) => true,
            AttemptResult::Answered(423, _) => self.through_locks,
            AttemptResult::Answered(408 | 500..=599, _) if self.is_bundle => true,
            // A failure does not say whether a POST was carried out.
            AttemptResult::Answered(502..=504, _) | AttemptResult::Unreachable => {
                matches!(*method, Method::GET | Method::HEAD)
            }
            AttemptResult::Answered(..) => false,
        };
        if !again {
            return Decision::Keep;
        }
        let doubled = 2_u32.pow(self.tries - 1);
        let stated = match outcome {
            AttemptResult::Answered(status, headers) => stated_wait(*status, headers, now),
            AttemptResult::Unreachable => None,
        };
        let wait = match stated {
            Some(wait) => wait.max(MIN_WAIT * doubled),
            // 0.5 to 1.5 times the wait, so that many clients do not return at once.
            None => (FIRST_WAIT * doubled).mul_f64(0.5 + jitter.clamp(0.0, 1.0)),
        };
        if !self.allowed || self.tries >= MAX_TRIES || self.waited + wait > self.budget {
            return Decision::TooLong(wait);
        }
        self.tries += 1;
        self.waited += wait;
        Decision::Wait(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::MAX_WAIT;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn now() -> SystemTime {
        httpdate::parse_http_date("Tue, 25 Aug 2026 12:00:00 GMT").unwrap()
    }

    fn patient() -> Retries {
        Retries::new(Duration::from_secs(60), true)
    }

    fn decision(method: &Method, status: u16, pairs: &[(&'static str, &str)]) -> Decision {
        patient().decide(method, &AttemptResult::Answered(status, &headers(pairs)), now(), 0.5)
    }

    #[test]
    fn a_429_is_waited_out_whatever_the_method() {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            assert_eq!(decision(&method, 429, &[("retry-after", "2")]), Decision::Wait(Duration::from_secs(2)));
        }
    }

    #[test]
    fn failures_are_retried_for_get_and_head_only() {
        let half_a_second = Decision::Wait(Duration::from_millis(500));
        for status in [502, 503, 504] {
            assert_eq!(decision(&Method::GET, status, &[]), half_a_second);
            assert_eq!(decision(&Method::HEAD, status, &[]), half_a_second);
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                assert_eq!(decision(&method, status, &[]), Decision::Keep);
            }
        }
        assert_eq!(patient().decide(&Method::GET, &AttemptResult::Unreachable, now(), 0.5), half_a_second);
        assert_eq!(patient().decide(&Method::POST, &AttemptResult::Unreachable, now(), 0.5), Decision::Keep);
        for status in [200, 302, 400, 401, 403, 404, 408, 423, 500, 501, 505] {
            assert_eq!(decision(&Method::GET, status, &[]), Decision::Keep, "{status}");
        }
    }

    #[test]
    fn the_server_says_how_long_in_seconds_or_as_a_date() {
        let wait = |pairs: &[(&'static str, &str)]| match decision(&Method::GET, 429, pairs) {
            Decision::Wait(wait) => wait.as_millis(),
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(&[("retry-after", "Tue, 25 Aug 2026 12:00:07 GMT")]), 7_000);
        assert_eq!(wait(&[("retry-after", "Tue, 25 Aug 2026 11:00:00 GMT")]), 100, "a moment that is past");
        assert_eq!(wait(&[("retry-after", "0")]), 100);
        assert_eq!(wait(&[("x-ratelimit-reset", "1")]), 1_000);
        let failed = decision(&Method::GET, 503, &[("x-ratelimit-reset", "1")]);
        assert_eq!(failed, Decision::Wait(Duration::from_millis(500)), "the limit was not the trouble");
        assert_eq!(wait(&[("retry-after", "3"), ("x-ratelimit-reset", "1")]), 3_000);
        for garbage in ["", "-1", "1.5", "soon", "Tue, 99 Aug 2026", "0x10"] {
            assert_eq!(wait(&[("retry-after", garbage)]), 500, "{garbage}");
        }
    }

    #[test]
    fn a_wait_beyond_the_budget_is_not_begun() {
        let too_long = |retry_after: &str| match decision(&Method::GET, 429, &[("retry-after", retry_after)]) {
            Decision::TooLong(wait) => wait,
            other => panic!("{retry_after}: {other:?}"),
        };
        assert_eq!(decision(&Method::GET, 429, &[("retry-after", "60")]), Decision::Wait(Duration::from_secs(60)));
        assert_eq!(too_long("61"), Duration::from_secs(61));
        assert_eq!(too_long("99999999999999999999999"), MAX_WAIT);
        assert_eq!(too_long("18446744073709551615"), MAX_WAIT);
        assert_eq!(too_long("Fri, 31 Dec 9999 23:59:59 GMT"), MAX_WAIT);
    }

    #[test]
    fn the_waits_of_one_request_add_up_to_the_budget() {
        let mut retries = patient();
        let empty = HeaderMap::new();
        let mut waits = vec![];
        while let Decision::Wait(wait) = retries.decide(&Method::GET, &AttemptResult::Answered(503, &empty), now(), 0.5)
        {
            waits.push(wait.as_millis());
        }
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000]);
    }

    #[test]
    fn a_server_that_always_says_now_does_not_get_requests_for_ever() {
        let mut retries = patient();
        let now_at_once = headers(&[("retry-after", "0")]);
        let mut waits = vec![];
        while let Decision::Wait(wait) =
            retries.decide(&Method::GET, &AttemptResult::Answered(429, &now_at_once), now(), 0.5)
        {
            waits.push(wait.as_millis());
        }
        assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600]);
    }

    #[test]
    fn only_parallel_requests_wait_for_a_lock() {
        let locked = HeaderMap::new();
        let mut parallel = patient().through_locks();
        let decision = parallel.decide(&Method::GET, &AttemptResult::Answered(423, &locked), now(), 0.5);
        assert_eq!(decision, Decision::Wait(Duration::from_millis(500)));
        assert_eq!(patient().decide(&Method::GET, &AttemptResult::Answered(423, &locked), now(), 0.5), Decision::Keep);
    }

    #[test]
    fn a_bundle_host_is_asked_again_after_each_failure_of_its_own() {
        let empty = HeaderMap::new();
        let decide = |retries: Retries, status| {
            let mut retries = retries;
            retries.decide(&Method::GET, &AttemptResult::Answered(status, &empty), now(), 0.5)
        };
        for status in [408, 429, 500, 501, 502, 503, 504, 507, 599] {
            assert_eq!(decide(patient().of_bundle(), status), Decision::Wait(Duration::from_millis(500)), "{status}");
        }
        for status in [400, 403, 404, 410, 416] {
            assert_eq!(decide(patient().of_bundle(), status), Decision::Keep, "{status}");
        }
        for status in [408, 500, 501, 507] {
            assert_eq!(decide(patient(), status), Decision::Keep, "the API's own {status}");
        }
    }

    #[test]
    fn jitter_spreads_the_waits_that_the_server_does_not_state() {
        let wait = |jitter| patient().decide(&Method::GET, &AttemptResult::Unreachable, now(), jitter);
        assert_eq!(wait(0.0), Decision::Wait(Duration::from_millis(250)));
        assert_eq!(wait(1.0), Decision::Wait(Duration::from_millis(750)));
    }

    #[test]
    fn without_retries_nothing_is_waited_for() {
        let mut none = Retries::new(Duration::from_secs(60), false);
        let answer = headers(&[("retry-after", "2")]);
        let decision = none.decide(&Method::GET, &AttemptResult::Answered(429, &answer), now(), 0.5);
        assert_eq!(decision, Decision::TooLong(Duration::from_secs(2)));
    }
}
