// SPDX-License-Identifier: Apache-2.0

//! Makes messages and stubs of the Rust client from the protos.
//!
//! usage: generator DESCRIPTORS FOLDER
//!
//! DESCRIPTORS is a file that protoc wrote with `--descriptor_set_out --include_imports
//! --include_source_info`. protos/generate_rust.py calls it.

use std::error::Error;

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, descriptors, folder] = arguments.as_slice() else {
        return Err("usage: generator DESCRIPTORS FOLDER".into());
    };
    let raw = std::fs::read(descriptors)?;
    let files = prost_types::FileDescriptorSet::decode(raw.as_slice())?;
    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false)
        .out_dir(folder)
        .compile_fds(files)?;
    Ok(())
}
