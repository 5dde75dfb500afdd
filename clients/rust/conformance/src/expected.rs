// SPDX-License-Identifier: Apache-2.0

//! What a step expects, and whether an answer is that.

use serde_json::{Map, Value as Json};
use vmalab_client::{Code, Error, RecordResult};

use crate::reading::{number, shown, Field, Step, Table, Variables};

/// What a step gave: what a case may ask of it.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub value: u64,
    pub text: String,
    pub names: Vec<String>,
    pub count: usize,
    pub values: Vec<u64>,
    pub fields: Table,
    pub results: Vec<RecordResult>,
    pub executed: u64,
    pub places: Vec<u32>,
}

impl Answer {
    pub fn value(value: u64) -> Answer {
        Answer { value, ..Answer::default() }
    }

    pub fn text(text: impl Into<String>) -> Answer {
        Answer { text: text.into(), ..Answer::default() }
    }

    pub fn fields(fields: Table) -> Answer {
        Answer { fields, ..Answer::default() }
    }

    pub fn names(names: Vec<String>) -> Answer {
        Answer { count: names.len(), names, ..Answer::default() }
    }
}

/// Why a step gave no answer.
#[derive(Debug)]
pub enum Failure {
    /// The client's error.
    Error(Error),
    /// The task was cancelled.
    Cancelled,
    /// What no case may expect.
    Mismatch(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Error(error)
    }
}

/// Why an answer is not what a case expects; empty results are good.
pub type Judgement = Result<(), String>;

const FAILURES: [&str; 5] = ["errno", "signal", "userfault", "code", "local"];

fn wanted_failure(step: &Step) -> Option<&'static str> {
    FAILURES.into_iter().find(|name| step.has(name))
}

/// A name of C's form: `INVALID_ARGUMENT` of `InvalidArgument`.
fn code_name(code: Code) -> String {
    let mut text = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

/// A failure in the words of the cases.
fn described(failure: &Failure) -> Table {
    let mut found = Table::new();
    let mut put = |key: &str, field: Field| found.insert(key.to_owned(), field);
    let error = match failure {
        Failure::Error(error) => error,
        Failure::Cancelled => {
            put("code", Field::Text("CANCELLED".to_owned()));
            return found;
        }
        Failure::Mismatch(_) => return found,
    };
    let local = match error {
        Error::Call(one) => {
            put("errno", Field::Number(one.errno as u64));
            return found;
        }
        Error::Fault(one) => {
            put("signal", Field::Number(one.signal as u64));
            put("si_code", Field::Number(one.code as u64));
            if let Some(pkey) = one.pkey {
                put("pkey", Field::Number(pkey.into()));
            }
            return found;
        }
        Error::UserFault(one) => {
            put("userfault", Field::Number(one.flags.into()));
            return found;
        }
        Error::Service(one) => {
            put("code", Field::Text(code_name(one.code)));
            put("reason", Field::Text(one.reason.clone()));
            let pairs = one.metadata.iter();
            let pairs = pairs.map(|(name, value)| (name.clone(), Field::Text(value.clone())));
            put("metadata", Field::Table(pairs.collect()));
            return found;
        }
        Error::Closed => "closed",
        Error::BadTarget(_) => "bad_target",
        Error::BadCertificate(_) => "bad_certificate",
        Error::BadToken(_) => "bad_token",
        Error::BadBlock(_) => "bad_record",
        _ => return found,
    };
    put("local", Field::Text(local.to_owned()));
    found
}

/// Compares what a case wants with what there is: texts as texts, all else as numbers.
fn same(what: &str, wanted: &Json, got: &Field, variables: &Variables) -> Judgement {
    let good = match got {
        Field::Text(text) => *text == shown(wanted),
        got => got.number() == number(wanted, variables),
    };
    match good {
        true => Ok(()),
        false => Err(format!("{what} is {}, not {wanted}", got.shown())),
    }
}

pub fn judge_failure(step: &Step, failure: &Failure, variables: &Variables) -> Judgement {
    let found = described(failure);
    if !wanted_failure(step).is_some_and(|wanted| found.contains_key(wanted)) {
        return Err(match failure {
            Failure::Error(error) => format!("it failed: {error}"),
            other => format!("it failed: {other:?}"),
        });
    }
    for name in ["errno", "signal", "si_code", "pkey", "userfault", "code", "reason", "local"] {
        let Some(wanted) = step.get(name) else { continue };
        if name == "pkey" && !step.has("signal") {
            continue; // it is an operand
        }
        let got = found.get(name).ok_or_else(|| format!("there is no {name} in {found:?}"))?;
        same(name, wanted, got, variables)?;
    }
    for (name, wanted) in step.table("metadata").into_iter().flatten() {
        let got = match found.get("metadata") {
            Some(Field::Table(table)) => table.get(name),
            _ => None,
        };
        let got = got.ok_or_else(|| format!("there is no metadata {name} in {found:?}"))?;
        same(name, wanted, got, variables)?;
    }
    Ok(())
}

pub fn judge(step: &Step, got: &Answer, variables: &Variables) -> Judgement {
    if let Some(wanted) = wanted_failure(step) {
        return Err(format!("it did not fail with {wanted} {}", step.text(wanted, "")));
    }
    let value = |key: &str| step.get(key).map(|one| number(one, variables));
    if value("value").is_some_and(|wanted| wanted != got.value) {
        return Err(format!("value is {:#x}, not {}", got.value, step.text("value", "")));
    }
    if value("value_not") == Some(got.value) {
        return Err(format!("value is {:#x}", got.value));
    }
    if step.has("text") && step.text("text", "") != got.text {
        return Err(format!("text is {:?}, not {:?}", got.text, step.text("text", "")));
    }
    let has = |part: &String| got.text.contains(part.as_str()) || got.names.contains(part);
    if let Some(part) = step.texts("contains").iter().find(|part| !has(part)) {
        return Err(format!("{part:?} is not in {:?} {:?}", got.text, got.names));
    }
    if let Some(part) = step.texts("lacks").iter().find(|part| has(part)) {
        return Err(format!("{part:?} is in {:?} {:?}", got.text, got.names));
    }
    if value("count").is_some_and(|wanted| wanted != got.count as u64) {
        return Err(format!("count is {}, not {}", got.count, step.text("count", "")));
    }
    if value("count_at_least").is_some_and(|wanted| wanted > got.count as u64) {
        return Err(format!("count is {}", got.count));
    }
    if step.has("values") {
        let wanted = step.list("values").iter().map(|one| number(one, variables));
        let wanted: Vec<u64> = wanted.collect();
        if wanted != got.values {
            return Err(format!("values are {:?}, not {wanted:?}", got.values));
        }
    }
    judge_fields(step, &got.fields, variables)
}

/// An entry, or one of a table in it: `limits.mms_max`.
fn field<'a>(fields: &'a Table, name: &str) -> Result<&'a Field, String> {
    let missing = || format!("there is no field {name}");
    let mut parts = name.split('.');
    let mut found = fields.get(parts.next().unwrap_or_default()).ok_or_else(missing)?;
    for part in parts {
        found = match found {
            Field::Table(table) => table.get(part).ok_or_else(missing)?,
            _ => return Err(missing()),
        };
    }
    Ok(found)
}

pub fn judge_fields(step: &Step, fields: &Table, variables: &Variables) -> Judgement {
    for kind in ["fields", "fields_not", "fields_at_least", "bits", "lists"] {
        for (name, wanted) in step.table(kind).into_iter().flatten() {
            judge_field(kind, name, wanted, field(fields, name)?, variables)?;
        }
    }
    Ok(())
}

fn judge_field(
    kind: &str,
    name: &str,
    wanted: &Json,
    got: &Field,
    variables: &Variables,
) -> Judgement {
    if kind == "fields" {
        return same(name, wanted, got, variables);
    }
    let good = match kind {
        "fields_not" => got.number() != number(wanted, variables),
        "fields_at_least" => got.number() >= number(wanted, variables),
        "bits" => {
            let bits = number(wanted, variables);
            got.number() & bits == bits
        }
        _ => {
            let Field::List(list) = got else {
                return Err(format!("{name} is no list"));
            };
            let wanted = wanted.as_array().expect("lists has lists");
            wanted.iter().all(|one| list.contains(&Field::Text(shown(one))))
        }
    };
    match good {
        true => Ok(()),
        false => Err(format!("{name} is {}: {kind} {wanted}", got.shown())),
    }
}

fn judge_result(
    wanted: &Map<String, Json>,
    got: &RecordResult,
    variables: &Variables,
) -> Judgement {
    let check = |name: &str, value: u64| match wanted.get(name) {
        Some(expected) => same(name, expected, &Field::Number(value), variables),
        None => Ok(()),
    };
    if wanted.contains_key("errno") {
        check("errno", got.errno().unwrap_or(0) as u64)?;
    } else if wanted.contains_key("signal") {
        check("signal", got.signal().unwrap_or(0) as u64)?;
        check("si_code", got.code() as u64)?;
        check("pkey", got.pkey().unwrap_or(0).into())?;
    } else if wanted.contains_key("userfault") {
        let flags = got.user_fault().ok_or_else(|| format!("{got:?} waits for nothing"))?;
        check("userfault", flags.into())?;
    } else if let Some(status) = wanted.get("status") {
        let status = Json::String(format!("STATUS_{}", shown(status)));
        let value = Field::Number(i64::from(got.status) as u64);
        same("status", &status, &value, variables)?;
        if let Some(limit) = wanted.get("limit") {
            let limit = Json::String(format!("LIMIT_{}", shown(limit)));
            same("limit", &limit, &Field::Number(got.info.into()), variables)?;
        }
    } else if !got.is_ok() {
        return Err(format!("the result is {got:?}"));
    }
    check("value", got.value)
}

pub fn judge_block(step: &Step, got: &Answer, variables: &mut Variables) -> Judgement {
    let value = |key: &str| step.get(key).map(|one| number(one, variables));
    if value("executed").is_some_and(|wanted| wanted != got.executed) {
        return Err(format!("{} records were executed", got.executed));
    }
    if step.has("failed") {
        let wanted = step.list("failed").iter().map(|one| number(one, variables) as u32);
        let wanted: Vec<u32> = wanted.collect();
        if wanted != got.places {
            return Err(format!("records {:?} failed, not {wanted:?}", got.places));
        }
    }
    let good = got.results.iter().filter(|one| one.is_ok()).count() as u64;
    if value("good").is_some_and(|wanted| wanted != good) {
        return Err(format!("{good} of {} results are good", got.results.len()));
    }
    if let Some(wanted) = step.table("last") {
        let last = got.results.last().ok_or("there is no result")?;
        judge_result(wanted, last, variables)?;
    }
    if !step.has("results") {
        return Ok(());
    }
    let wanted = step.list("results");
    if wanted.len() != got.results.len() {
        return Err(format!("there are {} results, not {}", got.results.len(), wanted.len()));
    }
    for (place, (one, result)) in wanted.iter().zip(&got.results).enumerate() {
        let one = one.as_object().expect("a result is a table");
        judge_result(one, result, variables).map_err(|text| format!("record {place}: {text}"))?;
        if let Some(name) = one.get("save") {
            variables.insert(shown(name), result.value);
        }
    }
    Ok(())
}
