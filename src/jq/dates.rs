//! Dates in UTC: seconds since 1970, their "broken down time" as a list, and text.

use super::thrown::error;
use super::value::{Fails, Value};

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What jq gives as the day of the week and of the year where a text names no date.
const UNKNOWN_WEEKDAY: i64 = 8;
const UNKNOWN_YEARDAY: i64 = 367;

/// The years that dates are made for.
const MAX_SECONDS: f64 = 67_767_976_233_532_799.0;

/// `struct tm` of C, with the seconds' fraction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BrokenDown {
    year: i64,
    /// From 0.
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    fraction: f64,
    /// From Sunday, which is 0.
    weekday: i64,
    /// From 0.
    yearday: i64,
}

/// Days since 1970 of a date in the Gregorian calendar. Months below 1 and above 12 belong to other years.
fn days_from(year: i64, month: i64, day: i64) -> i64 {
    let year = year + (month - 1).div_euclid(12);
    let month = (month - 1).rem_euclid(12) + 1;
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl BrokenDown {
    /// # Errors
    /// A number that no date has.
    pub fn from_seconds(seconds: f64) -> Fails<Self> {
        if !seconds.is_finite() || seconds.abs() > MAX_SECONDS {
            return Err(error("error converting number of seconds since epoch to datetime"));
        }
        #[allow(clippy::cast_possible_truncation)] // it was checked
        let whole = seconds.trunc() as i64;
        let (days, rest) = (whole.div_euclid(86_400), whole.rem_euclid(86_400));
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 2 } else { month - 10 };
        let mut date = Self {
            year: year_of_era + era * 400 + i64::from(month < 2),
            month,
            day,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
            fraction: seconds - seconds.floor(),
            ..Self::default()
        };
        date.set_days();
        Ok(date)
    }

    /// Reads the list that `gmtime` makes. It has to have at least six numbers.
    ///
    /// # Errors
    /// The message, if it is no such list.
    pub fn from_value(value: &Value, message: &str) -> Fails<Self> {
        let Value::Array(items) = value else { return Err(error(message)) };
        let number = |at: usize| match items.get(at) {
            Some(item) => item.as_number().ok_or_else(|| error(message)),
            None if at < 6 => Err(error(message)),
            None => Ok(0.0),
        };
        #[allow(clippy::cast_possible_truncation)] // it saturates
        let whole = |at: usize| number(at).map(|number| number as i64);
        let second = number(5)?;
        Ok(Self {
            year: whole(0)?,
            month: whole(1)?,
            day: whole(2)?,
            hour: whole(3)?,
            minute: whole(4)?,
            second: whole(5)?,
            fraction: second.fract(),
            weekday: whole(6)?,
            yearday: whole(7)?,
        })
    }

    pub fn to_value(self) -> Value {
        #[allow(clippy::cast_precision_loss)] // years of the calendar
        let number = |number: i64| Value::Number(number as f64);
        #[allow(clippy::cast_precision_loss)]
        let second = Value::Number(self.second as f64 + self.fraction);
        Value::array(vec![
            number(self.year),
            number(self.month),
            number(self.day),
            number(self.hour),
            number(self.minute),
            second,
            number(self.weekday),
            number(self.yearday),
        ])
    }

    /// Seconds since 1970; days, hours and so on above their limits are carried over.
    pub fn seconds(&self) -> i64 {
        let days = days_from(self.year, self.month.saturating_add(1), 1).saturating_add(self.day - 1);
        let hours = days.saturating_mul(24).saturating_add(self.hour);
        hours.saturating_mul(60).saturating_add(self.minute).saturating_mul(60).saturating_add(self.second)
    }

    fn set_days(&mut self) {
        let days = days_from(self.year, self.month + 1, self.day);
        self.weekday = (days + 4).rem_euclid(7);
        self.yearday = days - days_from(self.year, 1, 1);
    }

    /// `strftime` in the C locale and UTC.
    ///
    /// # Errors
    /// A conversion that is not known.
    pub fn format(&self, format: &str) -> Fails<String> {
        let mut text = String::new();
        let mut rest = format.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            let Some(conversion) = rest.next() else {
                text.push('%');
                break;
            };
            let part = self.conversion(conversion);
            text.push_str(&part.ok_or_else(|| error(format!("strftime: `%{conversion}` is not available")))?);
        }
        Ok(text)
    }

    fn conversion(&self, conversion: char) -> Option<String> {
        let name = |names: &[&'static str], at: i64| {
            usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or("?")
        };
        let short = |name: &'static str| name.get(..3).unwrap_or(name).to_owned();
        let all = |format: &str| self.format(format).ok();
        let hour = match self.hour % 12 {
            0 => 12,
            hour => hour,
        };
        let monday = (self.weekday + 6) % 7;
        Some(match conversion {
            'Y' => self.year.to_string(),
            'C' => format!("{:02}", self.year.div_euclid(100)),
            'y' => format!("{:02}", self.year.rem_euclid(100)),
            'm' => format!("{:02}", self.month + 1),
            'd' => format!("{:02}", self.day),
            'e' => format!("{:2}", self.day),
            'H' => format!("{:02}", self.hour),
            'k' => format!("{:2}", self.hour),
            'I' => format!("{hour:02}"),
            'l' => format!("{hour:2}"),
            'M' => format!("{:02}", self.minute),
            'S' => format!("{:02}", self.second),
            'j' => format!("{:03}", self.yearday + 1),
            'p' => (if self.hour < 12 { "AM" } else { "PM" }).to_owned(),
            'P' => (if self.hour < 12 { "am" } else { "pm" }).to_owned(),
            'A' => name(&DAYS, self.weekday).to_owned(),
            'a' => short(name(&DAYS, self.weekday)),
            'B' => name(&MONTHS, self.month).to_owned(),
            'b' | 'h' => short(name(&MONTHS, self.month)),
            'u' => (monday + 1).to_string(),
            'w' => self.weekday.to_string(),
            'U' => format!("{:02}", (self.yearday + 7 - self.weekday) / 7),
            'W' => format!("{:02}", (self.yearday + 7 - monday) / 7),
            'V' => format!("{:02}", self.iso_week().1),
            'G' => self.iso_week().0.to_string(),
            'g' => format!("{:02}", self.iso_week().0.rem_euclid(100)),
            's' => self.seconds().to_string(),
            'Z' => "UTC".to_owned(),
            'z' => "+0000".to_owned(),
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            '%' => "%".to_owned(),
            'c' => return all("%a %b %e %H:%M:%S %Y"),
            'D' | 'x' => return all("%m/%d/%y"),
            'F' => return all("%Y-%m-%d"),
            'R' => return all("%H:%M"),
            'r' => return all("%I:%M:%S %p"),
            'T' | 'X' => return all("%H:%M:%S"),
            _ => return None,
        })
    }

    /// The year and week of ISO 8601.
    fn iso_week(&self) -> (i64, i64) {
        let monday = (self.weekday + 6) % 7;
        let week = (self.yearday - monday + 10) / 7;
        let weeks = |year: i64| {
            let first = (days_from(year, 1, 1) + 3).rem_euclid(7);
            let is_leap = days_from(year + 1, 1, 1) - days_from(year, 1, 1) == 366;
            if first == 3 || (first == 2 && is_leap) { 53 } else { 52 }
        };
        match week {
            ..1 => (self.year - 1, weeks(self.year - 1)),
            week if week > weeks(self.year) => (self.year + 1, 1),
            week => (self.year, week),
        }
    }

    /// `strptime` in the C locale. A time zone is read and not applied, as in C. What follows the date is returned too;
    /// it has to begin with white space.
    ///
    /// # Errors
    /// A text of another form.
    pub fn parse<'t>(text: &'t str, format: &str) -> Fails<(Self, &'t str)> {
        let date = Self { day: 0, year: 1900, weekday: UNKNOWN_WEEKDAY, yearday: UNKNOWN_YEARDAY, ..Self::default() };
        let mut parser = DateParser { rest: text, date, ..DateParser::default() };
        let matched = parser.parse(format);
        let rest = parser.rest;
        if matched.is_none() || rest.starts_with(|c: char| !matches!(c, ' ' | '\t'..='\r')) {
            return Err(error(format!("date \"{text}\" does not match format \"{format}\"")));
        }
        Ok((parser.finish(), rest))
    }
}

#[derive(Default)]
struct DateParser<'t> {
    rest: &'t str,
    date: BrokenDown,
    is_afternoon: Option<bool>,
    has_date: bool,
    has_weekday: bool,
    has_yearday: bool,
    century: Option<i64>,
    epoch: Option<i64>,
}

impl DateParser<'_> {
    fn parse(&mut self, format: &str) -> Option<()> {
        let mut conversions = format.chars();
        while let Some(c) = conversions.next() {
            if c.is_ascii_whitespace() {
                self.skip_blanks();
                continue;
            }
            if c != '%' {
                self.rest = self.rest.strip_prefix(c)?;
                continue;
            }
            let conversion = conversions.by_ref().find(|c| !matches!(c, '-' | '_' | '0' | '^' | '#' | 'E' | 'O'))?;
            self.conversion(conversion)?;
        }
        Some(())
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
    }

    fn number(&mut self, low: i64, high: i64, digits: usize) -> Option<i64> {
        self.rest = self.rest.trim_start_matches(' ');
        let length = self.rest.bytes().take(digits).take_while(u8::is_ascii_digit).count();
        // C stops before a digit that would make the number too large.
        let mut value = 0;
        let mut taken = 0;
        for digit in self.rest.bytes().take(length) {
            value = value * 10 + i64::from(digit - b'0');
            taken += 1;
            if value * 10 > high {
                break;
            }
        }
        if taken == 0 || value < low || value > high {
            return None;
        }
        self.rest = &self.rest[taken..];
        Some(value)
    }

    /// The place of a name, long or short, in any letter case.
    fn name(&mut self, names: &[&str]) -> Option<i64> {
        for (at, name) in names.iter().enumerate() {
            for form in [*name, &name[..3]] {
                if self.rest.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form)) {
                    self.rest = &self.rest[form.len()..];
                    return i64::try_from(at).ok();
                }
            }
        }
        None
    }

    fn conversion(&mut self, conversion: char) -> Option<()> {
        match conversion {
            '%' => self.rest = self.rest.strip_prefix('%')?,
            'n' | 't' => self.skip_blanks(),
            'Y' => {
                self.date.year = self.number(0, 9999, 4)?;
                self.has_date = true;
            }
            'C' => self.century = Some(self.number(0, 99, 2)?),
            'y' => {
                let year = self.number(0, 99, 2)?;
                self.date.year = if year >= 69 { 1900 + year } else { 2000 + year };
                self.has_date = true;
            }
            'm' => {
                self.date.month = self.number(1, 12, 2)? - 1;
                self.has_date = true;
            }
            'd' | 'e' => {
                self.date.day = self.number(1, 31, 2)?;
                self.has_date = true;
            }
            'H' | 'k' | 'I' | 'l' | 'M' | 'S' | 'p' | 'P' => self.time(conversion)?,
            'j' => {
                self.date.yearday = self.number(1, 366, 3)? - 1;
                self.has_yearday = true;
            }
            'A' | 'a' => {
                self.date.weekday = self.name(&DAYS)?;
                self.has_weekday = true;
            }
            'u' => {
                self.date.weekday = self.number(1, 7, 1)? % 7;
                self.has_weekday = true;
            }
            'w' => {
                self.date.weekday = self.number(0, 6, 1)?;
                self.has_weekday = true;
            }
            'U' | 'W' | 'V' => drop(self.number(0, 53, 2)?),
            'B' | 'b' | 'h' => {
                self.date.month = self.name(&MONTHS)?;
                self.has_date = true;
            }
            's' => {
                let seconds = self.number(0, i64::MAX / 10, 18)?;
                self.epoch = Some(seconds);
            }
            'Z' => {
                self.skip_blanks();
                self.rest = self.rest.trim_start_matches(|c: char| !c.is_ascii_whitespace());
            }
            'z' => self.zone()?,
            'c' => self.parse("%a %b %e %H:%M:%S %Y")?,
            'D' | 'x' => self.parse("%m/%d/%y")?,
            'F' => self.parse("%Y-%m-%d")?,
            'R' => self.parse("%H:%M")?,
            'r' => self.parse("%I:%M:%S %p")?,
            'T' | 'X' => self.parse("%H:%M:%S")?,
            _ => return None,
        }
        Some(())
    }

    /// Conversions of the time of day.
    fn time(&mut self, conversion: char) -> Option<()> {
        match conversion {
            'H' | 'k' => {
                self.date.hour = self.number(0, 23, 2)?;
                self.is_afternoon = None;
            }
            'I' | 'l' => {
                self.date.hour = self.number(1, 12, 2)? % 12;
                self.is_afternoon = self.is_afternoon.or(Some(false));
            }
            'M' => self.date.minute = self.number(0, 59, 2)?,
            'S' => self.date.second = self.number(0, 61, 2)?,
            'p' | 'P' => {
                let start = self.rest.get(..2)?;
                self.is_afternoon = Some(match start.to_ascii_lowercase().as_str() {
                    "am" => false,
                    "pm" => true,
                    _ => return None,
                });
                self.rest = &self.rest[2..];
            }
            _ => return None,
        }
        Some(())
    }

    /// `Z`, `+hh`, `+hhmm` or `+hh:mm`.
    fn zone(&mut self) -> Option<()> {
        self.skip_blanks();
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Some(());
        }
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        let digits = |text: &str| text.len() >= 2 && text.bytes().take(2).all(|byte| byte.is_ascii_digit());
        if !digits(self.rest) {
            return None;
        }
        self.rest = &self.rest[2..];
        let minutes = self.rest.strip_prefix(':').unwrap_or(self.rest);
        if digits(minutes) {
            self.rest = &minutes[2..];
        }
        Some(())
    }

    fn finish(mut self) -> BrokenDown {
        if let Some(seconds) = self.epoch {
            #[allow(clippy::cast_precision_loss)] // far below 2^53
            return BrokenDown::from_seconds(seconds as f64).unwrap_or(self.date);
        }
        if let Some(century) = self.century {
            self.date.year = century * 100 + self.date.year.rem_euclid(100);
        }
        if self.is_afternoon == Some(true) {
            self.date.hour = self.date.hour % 12 + 12;
        }
        if self.has_yearday && self.date.day == 0 && self.has_date {
            let days = days_from(self.date.year, 1, 1) + self.date.yearday;
            #[allow(clippy::cast_precision_loss)] // years of four digits
            let date = BrokenDown::from_seconds(days as f64 * 86_400.0).unwrap_or(self.date);
            (self.date.month, self.date.day) = (date.month, date.day);
        }
        let mut date = self.date;
        if self.has_date {
            date.set_days();
        }
        if self.has_weekday {
            date.weekday = self.date.weekday;
        }
        if self.has_yearday {
            date.yearday = self.date.yearday;
        }
        date
    }
}
