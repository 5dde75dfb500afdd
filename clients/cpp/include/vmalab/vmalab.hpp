// SPDX-License-Identifier: Apache-2.0
/*
 * The C++ client of vmalab: emulated address spaces over gRPC. This header has all of it.
 *
 *	vmalab::Client client("127.0.0.1:7420");
 *	vmalab::AddressSpace space = client.create();
 *	const auto addr = space.map(1 << 20);
 *	space.store(addr, 42);
 *
 * Errors are exceptions, all of them a vmalab::Error: what the emulated kernel refuses is a
 * CallError with its errno; an access that would raise a signal is a FaultError, one that would
 * wait for a userfaultfd a UserFaultError; what the service cannot serve is a ServiceError with a
 * code, a reason and metadata; what the client refuses by itself is a RefusedError.
 *
 * Each call takes CallOptions at its end: a time that it may take, and a CancelToken. Without a
 * time it gets that of Options, 30 seconds. Calls of InspectService are tried again while no worker
 * answers, because they do no harm twice; no other call is. A call that ended with Unavailable,
 * Cancelled or DeadlineExceeded may have been executed.
 *
 * A client has a lease on each address space and file that it makes or uses. The end of the scope
 * of an AddressSpace that was made ends the address space, of one that is used the lease; the end
 * of the client ends all its leases. Client::lost has the address spaces that ended nevertheless.
 */
#pragma once

#include "vmalab/batch.hpp"
#include "vmalab/block.hpp"
#include "vmalab/client.hpp"
#include "vmalab/constants_gen.hpp"
#include "vmalab/errors.hpp"
#include "vmalab/options.hpp"
#include "vmalab/space.hpp"
