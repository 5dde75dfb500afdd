// SPDX-License-Identifier: Apache-2.0

//! The generated stubs, with the limits of this side.

use crate::channel::Channel;
use crate::proto::inspect_service_client::InspectServiceClient;
use crate::proto::lab_service_client::LabServiceClient;
use crate::proto::memory_service_client::MemoryServiceClient;
use crate::proto::userfaultfd_service_client::UserfaultfdServiceClient;

/// What a message may have on this side; the server has limits of its own.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

macro_rules! stub {
    ($name:ident, $kind:ident) => {
        pub(crate) fn $name(channel: Channel) -> $kind<Channel> {
            $kind::new(channel)
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX)
        }
    };
}

stub!(memory, MemoryServiceClient);
stub!(userfaultfd, UserfaultfdServiceClient);
stub!(inspect, InspectServiceClient);
stub!(lab, LabServiceClient);
