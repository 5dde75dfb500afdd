// SPDX-License-Identifier: Apache-2.0
/* Certificates, keys and tokens. */
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <grpcpp/security/credentials.h>

#include "vmalab/options.hpp"

namespace vmalab::internal
{

/** Throws BadToken if the token must not go to one of these, BadCertificate. */
std::shared_ptr<grpc::ChannelCredentials> credentials(const Options &options,
						      const std::vector<std::string> &targets);

} // namespace vmalab::internal
