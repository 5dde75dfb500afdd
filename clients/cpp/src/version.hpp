// SPDX-License-Identifier: Apache-2.0
/* The versions that the handshake speaks of. */
#pragma once

#include <string>

#include "vmalab/v1/inspect.pb.h"

namespace vmalab::internal
{

/** The oldest server that does all that this client asks for. */
inline constexpr const char *OLDEST_SERVER = "0.1.0";

/** The version of this client; its tests change it. */
std::string &client_version();

/** What is wrong between a client of a version and a server; empty: nothing. */
std::string complaint(const v1::GetServerInfoResponse &info, const std::string &mine);

} // namespace vmalab::internal
