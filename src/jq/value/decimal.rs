//! Numbers as they are spelled. jq 1.7 prints a number that was not calculated with as it
//! came, in one canonical spelling, and compares two such numbers digit by digit.

use std::cmp::Ordering;

use super::Value;

/// A number in its canonical spelling, and the nearest `f64`.
#[derive(Debug)]
pub struct Decimal {
    pub text: Box<str>,
    pub number: f64,
}

/// Numbers with at most this many digits differ as `f64` too.
const EXACT_DIGITS: usize = 15;

/// The value of a number in the spelling of JSON or jq. `None` if the text is not a number.
pub fn from_spelling(spelling: &str) -> Option<Value> {
    let bytes = spelling.as_bytes();
    let is_short = bytes.len() <= EXACT_DIGITS && !bytes.is_empty() && (bytes[0] != b'0' || bytes.len() == 1);
    if is_short && bytes.iter().all(u8::is_ascii_digit) {
        let number = bytes.iter().fold(0_i64, |number, digit| number * 10 + i64::from(digit - b'0'));
        #[allow(clippy::cast_precision_loss)] // 15 digits are exact
        return Some(Value::Number(number as f64));
    }
    let number: f64 = spelling.parse().ok()?;
    let text = Spelled::read(spelling)?.to_text();
    // A number that its `f64` prints the same way needs no spelling, unless another number has the same `f64`.
    if has_exact_digits(&text) && number.is_finite() && number_text(number) == text {
        return Some(Value::Number(number));
    }
    Some(Value::Decimal(std::rc::Rc::new(Decimal { text: text.into(), number })))
}

impl Decimal {
    /// Compares by value, at any length.
    pub fn compare(&self, other: &Self) -> Ordering {
        match (Spelled::read(&self.text), Spelled::read(&other.text)) {
            (Some(one), Some(two)) => one.compare(&two),
            _ => Ordering::Equal,
        }
    }

    /// Compares with a number that has no spelling. Like jq, by spelling if it was not calculated, which a number of few
    /// digits shows, and else as `f64`.
    pub fn compare_with(&self, other: f64) -> Ordering {
        match self.number.partial_cmp(&other) {
            Some(Ordering::Equal) => {
                let text = number_text(other);
                if !has_exact_digits(&text) {
                    return Ordering::Equal;
                }
                self.compare(&Self { text: text.into(), number: other })
            }
            Some(order) => order,
            // A NaN is less than any number.
            None => Ordering::Greater,
        }
    }
}

/// Whether a number has so few digits that no other number of as many has the same `f64`.
fn has_exact_digits(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_digit).count() <= EXACT_DIGITS
}

/// Sign, digits without leading zeros, and the power of ten of the last digit.
struct Spelled {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Spelled {
    fn read(spelling: &str) -> Option<Self> {
        let (is_negative, rest) = match spelling.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, spelling.strip_prefix('+').unwrap_or(spelling)),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = all.trim_start_matches('0');
        let digits = if digits.is_empty() { "0" } else { digits };
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        Some(Self { is_negative, digits: digits.to_owned(), exponent })
    }

    /// The power of ten of the first digit.
    fn adjusted(&self) -> i64 {
        self.exponent + i64::try_from(self.digits.len()).unwrap_or(i64::MAX) - 1
    }

    /// "to-scientific-string" of the General Decimal Arithmetic specification.
    fn to_text(&self) -> String {
        let sign = if self.is_negative { "-" } else { "" };
        let digits = &self.digits;
        let adjusted = self.adjusted();
        if self.exponent > 0 || adjusted < -6 {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            return format!("{sign}{first}{point}{rest}E{adjusted:+}");
        }
        let after_point = usize::try_from(-self.exponent).unwrap_or(0);
        if after_point == 0 {
            return format!("{sign}{digits}");
        }
        match digits.len().checked_sub(after_point) {
            Some(0) | None => format!("{sign}0.{}{digits}", "0".repeat(after_point - digits.len())),
            Some(before) => format!("{sign}{}.{}", &digits[..before], &digits[before..]),
        }
    }

    fn is_zero(&self) -> bool {
        self.digits == "0"
    }

    fn compare(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match number {
            zero if zero.is_zero() => 0,
            negative if negative.is_negative => -1,
            _ => 1,
        };
        let (one, two) = (sign(self), sign(other));
        if one != two || one == 0 {
            return one.cmp(&two);
        }
        let digits = |number: &Self| number.digits.trim_end_matches('0').to_owned();
        let order = self.adjusted().cmp(&other.adjusted()).then_with(|| digits(self).cmp(&digits(other)));
        if one < 0 { order.reverse() } else { order }
    }
}

/// A calculated number as jq prints it: the shortest digits that read back as the same number, no larger than the
/// largest one. A NaN has no spelling in JSON; it is printed as `null`.
pub fn number_text(number: f64) -> String {
    if number.is_nan() {
        return "null".to_owned();
    }
    let number = number.clamp(f64::MIN, f64::MAX);
    if number.fract() == 0.0 && number.abs() < 1e15 {
        #[allow(clippy::cast_possible_truncation)] // it is a whole number of 15 digits
        let whole = number as i64;
        return if whole == 0 && number.is_sign_negative() { "-0".to_owned() } else { whole.to_string() };
    }
    let shortest = format!("{number:e}");
    let (mantissa, exponent) = shortest.split_once('e').expect("Rust writes an exponent");
    let exponent: i32 = exponent.parse().expect("Rust writes an exponent");
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    let count = i32::try_from(digits.len()).expect("17 digits at most");
    let point = exponent + 1;
    if point <= -4 || point > count + 15 {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{dot}{rest}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    if point <= 0 {
        format!("{sign}0.{}{digits}", zeros(-point))
    } else if point >= count {
        format!("{sign}{digits}{}", zeros(point - count))
    } else {
        let (before, after) = digits.split_at(usize::try_from(point).unwrap_or(0));
        format!("{sign}{before}.{after}")
    }
}
