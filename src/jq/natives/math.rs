//! Mathematics on numbers, under the names that C gives it.

// All of these filters have one signature, whether they fail or keep their input or not.
#![allow(clippy::needless_pass_by_value, clippy::unnecessary_wraps)]

use super::super::host::Surroundings;
use super::super::thrown::{described, error};
use super::super::value::Value;
use super::{Fails, Native};

/// A filter that calculates with its input.
macro_rules! of_input {
    ($calculate:expr) => {
        |_, input, _| number(&input).map(|x| Value::Number($calculate(x)))
    };
}

/// A filter that calculates with two arguments.
macro_rules! of_two {
    ($calculate:expr) => {
        |_, _, arguments| Ok(Value::Number($calculate(number(&arguments[0])?, number(&arguments[1])?)))
    };
}

/// A filter that is true or false for a number, and false for anything else.
macro_rules! test {
    ($holds:expr) => {
        |_, input, _| Ok(Value::Bool(input.as_number().is_some_and($holds)))
    };
}

fn number(value: &Value) -> Fails<f64> {
    value.as_number().ok_or_else(|| error(format!("{} number required", described(value))))
}

pub fn find(name: &str, arity: usize) -> Option<Native> {
    match arity {
        0 => of_input(name),
        2 => of_arguments(name),
        3 if name == "fma" => Some(fma),
        _ => None,
    }
}

fn of_input(name: &str) -> Option<Native> {
    Some(match name {
        "infinite" => |_, _, _| Ok(Value::Number(f64::INFINITY)),
        "nan" => |_, _, _| Ok(Value::Number(f64::NAN)),
        "isinfinite" => test!(f64::is_infinite),
        "isnan" => test!(f64::is_nan),
        "isnormal" => test!(f64::is_normal),
        "isfinite" => test!(|x: f64| !x.is_infinite()),
        "floor" => of_input!(f64::floor),
        "ceil" => of_input!(f64::ceil),
        "round" => of_input!(f64::round),
        "trunc" => of_input!(f64::trunc),
        "rint" | "nearbyint" => of_input!(f64::round_ties_even),
        "sqrt" => of_input!(f64::sqrt),
        "cbrt" => of_input!(f64::cbrt),
        "fabs" => of_input!(f64::abs),
        "sin" => of_input!(f64::sin),
        "cos" => of_input!(f64::cos),
        "tan" => of_input!(f64::tan),
        "asin" => of_input!(f64::asin),
        "acos" => of_input!(f64::acos),
        "atan" => of_input!(f64::atan),
        "sinh" => of_input!(f64::sinh),
        "cosh" => of_input!(f64::cosh),
        "tanh" => of_input!(f64::tanh),
        "asinh" => of_input!(libm::asinh),
        "acosh" => of_input!(libm::acosh),
        "atanh" => of_input!(libm::atanh),
        "exp" => of_input!(f64::exp),
        "exp2" => of_input!(f64::exp2),
        "exp10" | "pow10" => of_input!(|x| 10_f64.powf(x)),
        "expm1" => of_input!(f64::exp_m1),
        "log" => of_input!(f64::ln),
        "log2" => of_input!(f64::log2),
        "log10" => of_input!(f64::log10),
        "log1p" => of_input!(f64::ln_1p),
        "logb" => of_input!(logb),
        "gamma" | "lgamma" => of_input!(libm::lgamma),
        "tgamma" => of_input!(libm::tgamma),
        "lgamma_r" => lgamma_r,
        "erf" => of_input!(libm::erf),
        "erfc" => of_input!(libm::erfc),
        "j0" => of_input!(libm::j0),
        "j1" => of_input!(libm::j1),
        "y0" => of_input!(libm::y0),
        "y1" => of_input!(libm::y1),
        "significand" => of_input!(significand),
        "frexp" => frexp,
        "modf" => modf,
        _ => return None,
    })
}

fn of_arguments(name: &str) -> Option<Native> {
    Some(match name {
        "pow" => of_two!(f64::powf),
        "atan2" => of_two!(f64::atan2),
        "fmod" => of_two!(|x: f64, y: f64| x % y),
        "fmin" => of_two!(f64::min),
        "fmax" => of_two!(f64::max),
        "fdim" => of_two!(libm::fdim),
        "hypot" => of_two!(f64::hypot),
        "copysign" => of_two!(f64::copysign),
        "nextafter" | "nexttoward" => of_two!(libm::nextafter),
        "drem" | "remainder" => of_two!(libm::remainder),
        "ldexp" => of_two!(|x: f64, power: f64| libm::scalbn(x, c_int(power))),
        "scalb" => of_two!(scalb),
        "scalbln" => of_two!(|x: f64, power: f64| libm::scalbn(x, whole(c_long(power)))),
        "jn" => of_two!(|order: f64, x: f64| libm::jn(whole(order), x)),
        "yn" => of_two!(|order: f64, x: f64| libm::yn(whole(order), x)),
        _ => return None,
    })
}

#[allow(clippy::cast_possible_truncation)] // it saturates
fn whole(number: f64) -> i32 {
    number as i32
}

/// The number as C's `int`. One that does not fit is the smallest, as on x86-64 and therefore in jq.
fn c_int(number: f64) -> i32 {
    let fits = number > f64::from(i32::MIN) - 1.0 && number < f64::from(i32::MAX) + 1.0;
    if fits { whole(number) } else { i32::MIN }
}

/// The number as C's `long`, in the same way.
fn c_long(number: f64) -> f64 {
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number);
    if fits { number.trunc() } else { f64::NEG_INFINITY }
}

/// C's `scalb`, whose power is no integer type: one with a fraction is not a number, and an infinite one multiplies.
fn scalb(x: f64, power: f64) -> f64 {
    match power {
        f64::NEG_INFINITY if x == 0.0 => x,
        f64::NEG_INFINITY => x / f64::INFINITY,
        _ if power.is_infinite() || x.is_nan() => x * power,
        _ if power.fract() != 0.0 || power.is_nan() => f64::NAN,
        _ => libm::scalbn(x, whole(power)),
    }
}

fn fma(_: &Surroundings<'_>, _: Value, arguments: &[Value]) -> Fails<Value> {
    let (x, y, z) = (number(&arguments[0])?, number(&arguments[1])?, number(&arguments[2])?);
    Ok(Value::Number(x.mul_add(y, z)))
}

fn logb(x: f64) -> f64 {
    match x {
        0.0 => f64::NEG_INFINITY,
        x if x.is_infinite() => f64::INFINITY,
        x if x.is_nan() => x,
        x => f64::from(libm::ilogb(x)),
    }
}

fn significand(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() { x } else { libm::scalbn(x, -libm::ilogb(x)) }
}

fn frexp(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let (mantissa, exponent) = libm::frexp(number(&input)?);
    Ok(Value::array(vec![mantissa.into(), f64::from(exponent).into()]))
}

fn modf(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let x = number(&input)?;
    let fraction = if x.is_infinite() { 0.0_f64.copysign(x) } else { x.fract().copysign(x) };
    Ok(Value::array(vec![fraction.into(), x.trunc().into()]))
}

fn lgamma_r(_: &Surroundings<'_>, input: Value, _: &[Value]) -> Fails<Value> {
    let (value, sign) = libm::lgamma_r(number(&input)?);
    Ok(Value::array(vec![value.into(), f64::from(sign).into()]))
}
