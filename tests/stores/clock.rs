//! Time: lifetimes as servers write them, clocks that are wrong, and tokens that are
//! refused before their time.

use serde_json::json;

use crate::refresh_storm::{token_requests, with_ended_token};
use crate::support::crowd::{edit_record, now, record, run};
use crate::support::home::Home;
use crate::support::secrets::forty_hex;
use crate::support::standin::{Answer, Standin};

const A_DAY: u64 = 86_400;

#[test]
fn a_lifetime_is_read_in_every_form_and_is_a_day_at_most() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    for (text, lifetime) in [
        ("3600", Some(3600)),
        ("3600.0", Some(3600)),
        ("\"3600\"", Some(3600)),
        ("0", Some(0)),
        ("-5", Some(0)),
        ("1e300", Some(A_DAY)),
        ("18446744073709551616", Some(A_DAY)),
        ("null", None),
        ("\"soon\"", None),
        ("absent", None),
    ] {
        edit_record(&home, "default", |record| {
            record["expires_at"] = (now() - 600).into();
            record["lifetime"] = 3600.into();
        });
        standin.forget_requests();
        let end = if text == "absent" { String::new() } else { format!(r#","expires_in":{text}"#) };
        let body = format!(r#"{{"access_token":"{}","token_type":"Bearer"{end}}}"#, forty_hex());
        standin.answer_next("POST", "/oauth2/token", Answer::new(200, body));
        let began = now();
        let ran = run(home.command(["token", "print"])).expect(0);
        let kept = record(&home, "default");
        assert_eq!(kept["access_token"], ran.stdout.trim(), "{text}");
        assert_eq!(kept["lifetime"].as_u64(), lifetime, "{text}");
        let end = kept["expires_at"].as_u64();
        assert!(end.is_none_or(|end| (began..=now()).contains(&(end - lifetime.unwrap_or(0)))), "{text}: {end:?}");
        assert_eq!(token_requests(&standin), 1, "{text}");
        // The next run renews what is over already, once, and believes the rest.
        run(home.command(["token", "print"])).expect(0);
        assert_eq!(token_requests(&standin), if lifetime == Some(0) { 2 } else { 1 }, "{text}");
    }
}

#[test]
fn a_token_is_renewed_a_minute_or_a_tenth_of_its_life_before_its_end() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    for (lifetime, left, renewed) in
        [(3600, 3590, false), (3600, 70, false), (3600, 55, true), (100, 15, false), (100, 8, true), (3600, 0, true)]
    {
        edit_record(&home, "default", |record| {
            record["expires_at"] = (now() + left).into();
            record["lifetime"] = lifetime.into();
        });
        standin.forget_requests();
        run(home.command(["token", "print"])).expect(0);
        assert_eq!(token_requests(&standin), usize::from(renewed), "{left} of {lifetime} seconds left");
    }
}

#[test]
fn a_token_that_cannot_be_renewed_is_used_to_its_end() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    edit_record(&home, "default", |record| {
        record.as_object_mut().expect("a record").remove("refresh_token");
        record["expires_at"] = (now() + 30).into();
    });
    let token = record(&home, "default")["access_token"].clone();
    assert_eq!(token, run(home.command(["token", "print"])).expect(0).stdout.trim());
    assert_eq!(token_requests(&standin), 0);
}

#[test]
fn a_clock_that_is_a_day_off_costs_one_refresh_and_no_loop() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    for end in [now() + A_DAY + 3600, now() - A_DAY, now() + 40 * 365 * A_DAY, 0, 253_402_300_799] {
        edit_record(&home, "default", |record| record["expires_at"] = end.into());
        standin.forget_requests();
        for _ in 0..2 {
            run(home.command(["whoami"])).expect(0);
        }
        assert_eq!(token_requests(&standin), 1, "the token seemed to end at {end}");
    }
}

#[test]
fn a_token_refused_early_is_renewed_once_and_the_request_sent_again() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    run(home.command(["token", "refresh"])).expect(0);
    // By the server's clock the token has ended; by ours it is valid for an hour.
    standin.advance(std::time::Duration::from_secs(2 * 3600));
    standin.forget_requests();
    run(home.command(["whoami"])).expect(0);
    let all: Vec<_> = standin.requests().iter().map(|request| request.path().to_owned()).collect();
    assert_eq!(all[..3], ["/api2/projects", "/oauth2/token", "/api2/projects"].map(str::to_owned), "{all:?}");
    assert_eq!(token_requests(&standin), 1);

    let refusal = json!({"error": {"message": "Unauthorized", "code": 401}});
    standin.answer_always("GET", "/api2/projects", Answer::json(401, &refusal));
    standin.forget_requests();
    run(home.command(["whoami"])).expect(4);
    assert_eq!((standin.requests_to("GET", "/api2/projects").len(), token_requests(&standin)), (2, 1));
}

#[test]
fn a_record_with_an_end_that_no_calendar_has_is_corrupt_and_harmless() {
    let standin = Standin::start();
    let home = with_ended_token(&standin);
    for (end, lifetime) in [(u64::MAX, 3600), (253_402_300_800, u64::MAX)] {
        edit_record(&home, "default", |record| {
            record["expires_at"] = end.into();
            record["lifetime"] = lifetime.into();
        });
        run(home.command(["whoami"])).expect(3);
    }
    edit_record(&home, "default", |record| {
        record["expires_at"] = (now() + 100).into();
        record["lifetime"] = u64::MAX.into();
    });
    run(home.command(["token", "print", "--format", "json"])).expect(0);
}

#[test]
fn a_login_without_a_refresh_token_says_which_of_two_things_is_wrong() {
    let standin = Standin::start();
    standin.set(|switches| switches.omit_refresh_token = true);
    let home = Home::new(&standin);
    home.login(&[]);
    let refused = run(home.command(["token", "refresh"])).expect(4).stderr;
    assert!(refused.contains("this login has no refresh token, so it cannot be renewed"), "{refused}");
    edit_record(&home, "default", |record| record["expires_at"] = (now() - 5).into());
    let refused = run(home.command(["token", "refresh"])).expect(4).stderr;
    assert!(refused.contains("the access token has ended, and there is no refresh token"), "{refused}");
}
