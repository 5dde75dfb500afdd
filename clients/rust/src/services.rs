// SPDX-License-Identifier: Apache-2.0

//! The handles on InspectService and LabService. Their methods are generated.

use crate::client::Client;

/// Looks inside the instance: a method for each call of InspectService. A call is tried again, at
/// most three times, while no worker answers: looking does no harm twice.
#[derive(Clone, Copy, Debug)]
pub struct Inspect<'a> {
    client: &'a Client,
}

/// Scripts races, on an instance that was started with `--lab`: a method for each call of
/// LabService.
#[derive(Clone, Copy, Debug)]
pub struct Lab<'a> {
    client: &'a Client,
}

impl Inspect<'_> {
    pub(crate) fn client(&self) -> &Client {
        self.client
    }
}

impl Lab<'_> {
    pub(crate) fn client(&self) -> &Client {
        self.client
    }
}

impl Client {
    /// Looks inside the instance.
    pub fn inspect(&self) -> Inspect<'_> {
        Inspect { client: self }
    }

    /// Scripts races, on an instance that was started with `--lab`.
    pub fn lab(&self) -> Lab<'_> {
        Lab { client: self }
    }
}
