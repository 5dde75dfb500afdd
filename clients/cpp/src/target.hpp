// SPDX-License-Identifier: Apache-2.0
/* Addresses of servers. */
#pragma once

#include <string>
#include <vector>

namespace vmalab::internal
{

/** Throws BadTarget for what is neither host:port nor unix:PATH. */
void check_target(const std::string &target);

/** Whether an address is a Unix socket. */
bool is_unix(const std::string &target);

/** Whether an address is of this machine alone. */
bool is_local(const std::string &target);

/** One target of gRPC for all addresses. Throws BadTarget if gRPC cannot take them together. */
std::string joined(const std::vector<std::string> &targets);

} // namespace vmalab::internal
