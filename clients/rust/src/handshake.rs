// SPDX-License-Identifier: Apache-2.0

//! The handshake: who the server is, and whether one of the two is too old.

use std::cmp::Ordering;

use crate::proto::GetServerInfoResponse;

/// The version of this client.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The oldest server that does all that this client asks for.
pub const OLDEST_SERVER: &str = "0.1.0";

/// What is wrong between a client of a version and a server.
pub(crate) fn complaint(info: &GetServerInfoResponse, mine: &str) -> Option<String> {
    let (theirs, oldest) = (&info.version, &info.oldest_client);
    if older(mine, oldest) {
        return Some(format!(
            "vmalab: this client is {mine}, and the server {theirs} serves clients from {oldest} \
             on: get a newer one"
        ));
    }
    // "0" is a server that runs from a tree.
    if !theirs.is_empty() && theirs != "0" && older(theirs, OLDEST_SERVER) {
        return Some(format!(
            "vmalab: the server is {theirs}, and this client asks for what servers do from \
             {OLDEST_SERVER} on: run a newer one"
        ));
    }
    None
}

/// Compares versions number by number; what has no number is not older.
fn older(one: &str, other: &str) -> bool {
    let (first, second) = (numbers(one), numbers(other));
    let at = |list: &[u64], place: usize| list.get(place).copied().unwrap_or(0);
    (0..first.len().max(second.len()))
        .map(|place| at(&first, place).cmp(&at(&second, place)))
        .find(|order| order.is_ne())
        == Some(Ordering::Less)
}

fn numbers(text: &str) -> Vec<u64> {
    text.split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_complains_of_what_is_too_old() {
        for (server, oldest, mine, said) in [
            ("1.2.0", "0.9", "0.9.0", ""),
            ("1.2.0", "0.9", "0.10", ""),
            ("1.2.0", "0.9", "0.8.9", "this client is 0.8.9"),
            ("0.0.9", "", "1.0", "run a newer one"),
            ("0", "", "0.1.0", ""),
            ("", "", "0.1.0", ""),
        ] {
            let info = GetServerInfoResponse {
                version: server.to_owned(),
                oldest_client: oldest.to_owned(),
                ..Default::default()
            };
            let got = complaint(&info, mine).unwrap_or_default();
            assert_eq!(got.is_empty(), said.is_empty(), "{server} {oldest} {mine}: {got}");
            assert!(got.contains(said), "{got}");
        }
    }
}
