//! Random damage to one response, the same for the same request and seed.

use std::mem::discriminant;

use fastrand::Rng;
use serde_json::{Value, json};

use super::fault::Fault;
use super::reply::Reply;
use super::request::IncomingRequest;

/// What replaces a member's value.
const OTHER_VALUES: [fn() -> Value; 7] = [
    || json!(7),
    || json!(-1.5),
    || json!("seven"),
    || json!(""),
    || json!(true),
    || json!([]),
    || json!({}),
];

/// Whether a request is one of those that are damaged.
pub(super) fn is_chosen(fault: &Fault, request: &IncomingRequest) -> bool {
    generator(fault, request).u64(..fault.one_in.max(1)) == 0
}

/// Damages a response.
pub(super) fn apply(reply: Reply, fault: &Fault, request: &IncomingRequest) -> Reply {
    let mut rng = generator(fault, request);
    // The first number was used up to choose the request.
    rng.u64(..);
    let damages_member = match fault.form {
        "member" => true,
        "body" => false,
        _ => rng.u8(..4) > 0,
    };
    let body = match serde_json::from_slice::<Value>(&reply.body) {
        Ok(mut body) if damages_member => {
            damage_member(&mut body, &mut rng);
            body.to_string().into_bytes()
        }
        _ => damage_bytes(&reply.body, &mut rng),
    };
    Reply {
        body: body.into(),
        ..reply
    }
}

/// A generator that depends on nothing but the seed and the request.
fn generator(fault: &Fault, request: &IncomingRequest) -> Rng {
    let parts = [
        request.path.as_bytes(),
        b"?",
        request.query.as_bytes(),
        &request.body,
    ];
    Rng::with_seed(fault.seed ^ fnv1a(parts.concat().as_slice()))
}

/// The FNV-1a hash: stable across compilers, unlike the standard library's hashers.
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Deletes one member at any depth, or makes it null or another type.
fn damage_member(body: &mut Value, rng: &mut Rng) {
    let count = members(body);
    if count == 0 {
        return;
    }
    let mut left = rng.usize(..count);
    let replacement = match rng.u8(..3) {
        0 => None,
        1 => Some(Value::Null),
        _ => rng.choice(OTHER_VALUES).map(|value| value()),
    };
    replace_member(body, &mut left, replacement.as_ref());
}

/// How many members there are at any depth.
fn members(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields.values().map(|field| 1 + members(field)).sum(),
        Value::Array(items) => items.iter().map(members).sum(),
        _ => 0,
    }
}

/// Replaces or deletes the member that comes after `left` others; returns whether it was found.
fn replace_member(value: &mut Value, left: &mut usize, replacement: Option<&Value>) -> bool {
    match value {
        Value::Object(fields) => {
            let names: Vec<String> = fields.keys().cloned().collect();
            for name in names {
                if *left == 0 {
                    // A value of the same type would be another answer, not damage.
                    let before = fields.remove(&name);
                    let is_damage = |other: &&Value| {
                        before.as_ref().map(discriminant) != Some(discriminant(*other))
                    };
                    if let Some(replacement) = replacement.filter(is_damage) {
                        fields.insert(name, replacement.clone());
                    }
                    return true;
                }
                *left -= 1;
                let field = fields.get_mut(&name);
                if field.is_some_and(|field| replace_member(field, left, replacement)) {
                    return true;
                }
            }
            false
        }
        Value::Array(items) => items
            .iter_mut()
            .any(|item| replace_member(item, left, replacement)),
        _ => false,
    }
}

/// Cuts a body, or replaces one of its bytes.
fn damage_bytes(body: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut damaged = body.to_vec();
    if body.is_empty() {
        return damaged;
    }
    let at = rng.usize(..body.len());
    if rng.bool() {
        damaged.truncate(at);
    } else if let Some(byte) = damaged.get_mut(at) {
        *byte = byte.wrapping_add(rng.u8(1..));
    }
    damaged
}

#[cfg(test)]
mod tests;
