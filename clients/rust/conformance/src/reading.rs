// SPDX-License-Identifier: Apache-2.0

//! What steps and answers consist of: numbers, texts, fields.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use vmalab_client::constants::PAGE_BYTES;
use vmalab_client::{constant, Range};

/// The variables of a case.
pub type Variables = HashMap<String, u64>;

/// A step of a case: what it does, its arguments and its expectations.
#[derive(Clone)]
pub struct Step(Arc<Map<String, Json>>);

impl Step {
    pub fn new(json: Json) -> Step {
        match json {
            Json::Object(map) => Step(Arc::new(map)),
            other => panic!("a step is a table, and not {other}"),
        }
    }

    pub fn get(&self, key: &str) -> Option<&Json> {
        self.0.get(key)
    }

    /// All of it.
    pub fn table_of_all(&self) -> &Map<String, Json> {
        &self.0
    }

    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// What it does.
    pub fn name(&self) -> &str {
        self.0["do"].as_str().expect("a step does something")
    }

    pub fn text(&self, key: &str, otherwise: &str) -> String {
        self.get(key).map_or_else(|| otherwise.to_owned(), shown)
    }

    pub fn is(&self, key: &str, wanted: bool) -> bool {
        self.get(key).and_then(Json::as_bool) == Some(wanted)
    }

    pub fn list(&self, key: &str) -> &[Json] {
        self.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
    }

    pub fn texts(&self, key: &str) -> Vec<String> {
        self.list(key).iter().map(shown).collect()
    }

    pub fn table(&self, key: &str) -> Option<&Map<String, Json>> {
        self.get(key).and_then(Json::as_object)
    }
}

/// As a text: that of a text, else as JSON has it.
pub fn shown(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

/// What an expression is: terms with + or | between them.
pub fn number(given: &Json, variables: &Variables) -> u64 {
    match given {
        Json::Bool(one) => u64::from(*one),
        Json::Number(one) => match (one.as_u64(), one.as_i64()) {
            (Some(found), _) => found,
            (None, Some(found)) => found as u64,
            _ => panic!("{one} is no whole number"),
        },
        Json::String(text) => sum(text, variables),
        other => panic!("{other} is no number"),
    }
}

fn sum(text: &str, variables: &Variables) -> u64 {
    let mut words = text.split_whitespace();
    let mut total = term(words.next().unwrap_or("0"), variables);
    while let Some(sign) = words.next() {
        let next = term(words.next().expect("a term follows a sign"), variables);
        total = match sign {
            "+" => total.wrapping_add(next),
            "|" => total | next,
            other => panic!("there is no sign {other} in a number"),
        };
    }
    total
}

fn term(text: &str, variables: &Variables) -> u64 {
    if let Some(name) = text.strip_prefix('$') {
        return *variables.get(name).unwrap_or_else(|| panic!("there is no variable {name}"));
    }
    let found = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok().or_else(|| text.parse().ok().map(|one: i64| one as u64)),
    };
    found.or_else(|| constant(text)).unwrap_or_else(|| panic!("there is no constant {text:?}"))
}

/// The arguments of a call or a record: missing ones are 0.
pub struct Given<'a> {
    pub map: &'a Map<String, Json>,
    pub variables: &'a Variables,
    /// How far `addr` is moved on.
    pub moved: u64,
}

impl Given<'_> {
    pub fn number(&self, key: &str) -> u64 {
        let found = self.map.get(key).map_or(0, |one| number(one, self.variables));
        if key == "addr" {
            return found.wrapping_add(self.moved);
        }
        found
    }

    pub fn text(&self, key: &str) -> String {
        self.map.get(key).map_or_else(String::new, shown)
    }

    pub fn ranges(&self, key: &str) -> Vec<Range> {
        let value = |json: &Json| number(json, self.variables);
        match self.map.get(key) {
            Some(Json::Array(list)) => {
                let range = |pair: &Json| Range { addr: value(&pair[0]), length: value(&pair[1]) };
                list.iter().map(range).collect()
            }
            Some(Json::Object(from)) => {
                let (begin, stride) = (value(&from["from"]), value(&from["stride"]));
                let range = |i| Range { addr: begin + i * stride, length: PAGE_BYTES };
                (0..value(&from["count"])).map(range).collect()
            }
            _ => panic!("{key} are no ranges"),
        }
    }

    pub fn addresses(&self, key: &str) -> Vec<u64> {
        self.ranges(key).iter().map(|one| one.addr).collect()
    }
}

/// What a call of an address space answers.
pub enum Value {
    Nothing,
    Number(u64),
    Bytes(Vec<u8>),
}

impl From<()> for Value {
    fn from((): ()) -> Value {
        Value::Nothing
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::Number(number.into())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Bytes(bytes)
    }
}

/// A field of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    Number(u64),
    Text(String),
    List(Vec<Field>),
    Table(Table),
}

impl Field {
    /// A text as it is, a number in decimal.
    pub fn shown(&self) -> String {
        match self {
            Field::Number(number) => number.to_string(),
            Field::Text(text) => text.clone(),
            other => format!("{other:?}"),
        }
    }

    pub fn number(&self) -> u64 {
        match self {
            Field::Number(number) => *number,
            other => panic!("{other:?} is no number"),
        }
    }
}

/// Fields by name.
pub type Table = BTreeMap<String, Field>;

/// A message whose fields can be looked up by name.
pub trait Fields {
    fn fields(&self) -> Table;
}
