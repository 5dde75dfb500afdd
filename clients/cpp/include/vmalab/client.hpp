// SPDX-License-Identifier: Apache-2.0
/* A connection to an instance. */
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "vmalab/batch.hpp"
#include "vmalab/block.hpp"
#include "vmalab/options.hpp"
#include "vmalab/services_gen.hpp"
#include "vmalab/space.hpp"

namespace vmalab
{

/** A file that can be mapped. */
struct FileOptions {
	/** Its device and inode: the same ones are the same file. */
	std::uint32_t dev_major = 0;
	std::uint32_t dev_minor = 0;
	std::uint64_t ino = 0;
	/** Its size; that of a file that is open already is changed. */
	std::uint64_t size_bytes = 0;
	/** What maps shows. */
	std::string name;
	/** How long it stays open without a lease; 0: the server's default. */
	std::chrono::nanoseconds ttl{0};
	/** false: without the lease that keeps it open as long as the client lives. */
	bool lease = true;
};

/** A connection to an instance. Threads may share it. It can be moved and not be copied. */
class Client
{
public:
	/** Connects to a server at "host:port" or "unix:PATH". A TCP address is asked for the
	 *  workers, and calls go to all of them in turn; with TLS they go to the address that was
	 *  given. Throws BadTarget, BadCertificate, BadToken, or a ServiceError if nobody answers.
	 */
	explicit Client(const std::string &target, Options options = {});
	/** Connects to several addresses of one server, which are all TCP or all Unix sockets;
	 *  calls go to all of them in turn. With TLS the certificate is for the name of the first.
	 */
	static Client all(std::vector<std::string> targets, Options options = {});
	Client(Client &&other) noexcept = default;
	/** Ends what it was before. */
	Client &operator=(Client &&other) noexcept;
	~Client();

	/** Makes an address space. */
	AddressSpace create(const SpaceOptions &given = {}, const CallOptions &options = {});
	/** A handle on an address space that exists, with a lease on it. Several clients may use
	 *  it. The end of the handle's scope ends the lease alone.
	 */
	AddressSpace use(std::uint64_t mm);
	/** A handle on an address space that another client keeps. */
	AddressSpace use_without_lease(std::uint64_t mm);
	/** Lets address spaces live at least so long from now; gives those that do not exist. */
	std::vector<std::uint64_t> keep_alive(const std::vector<std::uint64_t> &mms,
					      std::chrono::nanoseconds ttl,
					      const CallOptions &options = {});

	/** Opens a file that mmap can map, and gives its number. The same device and inode give the
	 *  same file.
	 */
	std::uint64_t open_file(const FileOptions &given, const CallOptions &options = {});
	/** Closes a file; what is mapped of it stays mapped. The lease on it ends with the last
	 *  open of this client.
	 */
	void close_file(std::uint64_t file, const CallOptions &options = {});
	/** Lets all clients use a file, for good. */
	void share_file(std::uint64_t file, const CallOptions &options = {});
	/** Is ftruncate(2): what lies beyond the new end is gone from every mapping. */
	void truncate_file(std::uint64_t file, std::uint64_t size_bytes,
			   const CallOptions &options = {});
	/** Is fallocate(2) in bytes; with FALLOC_FL_PUNCH_HOLE and FALLOC_FL_KEEP_SIZE a hole. */
	void allocate_file(std::uint64_t file, std::uint32_t mode, std::uint64_t offset,
			   std::uint64_t length, const CallOptions &options = {});

	/** Executes a block. A record that fails is a result, and no error. */
	Results apply(const BlockBuilder &block, const CallOptions &options = {});
	/** Executes a block that was built otherwise. */
	Results apply_bytes(std::string block, const CallOptions &options = {});
	/** Opens a stream of blocks with at most window of them outstanding. It has no deadline
	 *  unless options say one.
	 */
	Batch batch(std::size_t window = WINDOW_DEFAULT, const CallOptions &options = {});

	/** The calls of MemoryService with their messages. */
	MemoryService memory() const { return MemoryService(connection()); }
	/** The calls of UserfaultfdService with their messages. */
	UserfaultfdService userfaultfd() const { return UserfaultfdService(connection()); }
	/** A look inside. */
	InspectService inspect() const { return InspectService(connection()); }
	/** Races; it serves on an instance that was started with --lab. */
	LabService lab() const { return LabService(connection()); }
	/** The health of the server, or of one of its services: "SERVING" is good. */
	std::string health(const std::string &service = "", const CallOptions &options = {});

	/** The address spaces whose lease is lost: they ended, or are another client's. */
	std::vector<std::uint64_t> lost() const;
	/** Waits until the server has confirmed the lease of this client on an address space.
	 *  Throws NoSuchAddressSpace if there is none, DeadlineExceeded.
	 */
	void wait_lease(std::uint64_t mm, std::chrono::nanoseconds timeout = TIMEOUT_DEFAULT);
	/** Ends all leases and the connection; calls that are under way are cancelled. */
	void close() noexcept;

private:
	explicit Client(std::shared_ptr<internal::Connection> connection) noexcept;
	const std::shared_ptr<internal::Connection> &connection() const;

	std::shared_ptr<internal::Connection> connection_;
};

} // namespace vmalab
