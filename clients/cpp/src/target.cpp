// SPDX-License-Identifier: Apache-2.0
/*
 * Addresses of servers.
 *
 * A channel of gRPC has several addresses only as numbers of one family (ipv4:A:P,B:P) or as paths
 * of Unix sockets (unix:A,B). Names are looked up here if there are several of them, once.
 */
#include "target.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <memory>

#include "vmalab/errors.hpp"

namespace vmalab::internal
{

namespace
{

constexpr const char *NAME = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";

struct Address {
	std::string host;
	std::string port;
};

/* AF_INET or AF_INET6 of a number; 0 of a name. */
int family_of(const std::string &host)
{
	in6_addr address;
	if (inet_pton(AF_INET, host.c_str(), &address) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, host.c_str(), &address) == 1 ? AF_INET6 : 0;
}

/* The parts of host:port or [host]:port; an empty host: it is none. */
Address split(const std::string &target)
{
	const auto colon = target.rfind(':');
	if (colon == std::string::npos)
		return {};
	std::string host = target.substr(0, colon);
	const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
	if (bracketed)
		host = host.substr(1, host.size() - 2);
	if (bracketed ? family_of(host) != AF_INET6
		      : host.find_first_not_of(NAME) != std::string::npos)
		return {};
	return {host, target.substr(colon + 1)};
}

bool is_port(const std::string &text)
{
	if (text.empty() || text.size() > 5)
		return false;
	if (text.find_first_not_of("0123456789") != std::string::npos)
		return false;
	const int number = std::stoi(text);
	return number > 0 && number < 1 << 16;
}

/* The first address of a name in a family; empty: it has none. */
std::string looked_up(const std::string &host, int family)
{
	if (family_of(host))
		return family_of(host) == family ? host : "";
	addrinfo hints{};
	hints.ai_family = family;
	hints.ai_socktype = SOCK_STREAM;
	addrinfo *found = nullptr;
	if (getaddrinfo(host.c_str(), nullptr, &hints, &found) || !found)
		return "";
	const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
	char text[NI_MAXHOST];
	if (getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), nullptr, 0,
			NI_NUMERICHOST))
		return "";
	return text;
}

/* All addresses as numbers of a family; empty: one of them has none. */
std::string in_family(const std::vector<Address> &addresses, int family)
{
	std::string made;
	for (const auto &one : addresses) {
		const auto host = looked_up(one.host, family);
		if (host.empty())
			return "";
		made += made.empty() ? (family == AF_INET ? "ipv4:" : "ipv6:") : ",";
		made += family == AF_INET ? host : "%5B" + host + "%5D";
		made += ":" + one.port;
	}
	return made;
}

/* A path as a URI has it. */
std::string escaped(const std::string &path)
{
	static const char digits[] = "0123456789ABCDEF";
	std::string made;
	for (const char one : path) {
		const auto byte = static_cast<unsigned char>(one);
		const bool plain = (one >= 'a' && one <= 'z') || (one >= 'A' && one <= 'Z') ||
				   (one >= '0' && one <= '9') || std::strchr("/-._~", one);
		if (plain && one)
			made += one;
		else
			made += {'%', digits[byte >> 4], digits[byte & 15]};
	}
	return made;
}

std::string joined_paths(const std::vector<std::string> &targets)
{
	std::string made;
	for (const auto &one : targets) {
		if (!is_unix(one))
			throw BadTarget(
				"Unix sockets and TCP addresses cannot be mixed in one client");
		if (one.find(',') != std::string::npos)
			throw BadTarget("the path of a Unix socket has a comma: " + one);
		made += (made.empty() ? "unix:" : ",") + escaped(one.substr(5));
	}
	return made;
}

} // namespace

bool is_unix(const std::string &target)
{
	return target.rfind("unix:", 0) == 0;
}

void check_target(const std::string &target)
{
	if (is_unix(target) && target.size() > 5)
		return;
	const auto parts = split(target);
	if (parts.host.empty() || !is_port(parts.port))
		throw BadTarget("\"" + target +
				"\" is not host:port, as 127.0.0.1:7420, or unix:PATH");
}

bool is_local(const std::string &target)
{
	if (is_unix(target))
		return true;
	const auto host = split(target).host;
	if (host == "localhost" || host == "::1")
		return true;
	return family_of(host) == AF_INET && host.rfind("127.", 0) == 0;
}

std::string joined(const std::vector<std::string> &targets)
{
	if (is_unix(targets.front()))
		return joined_paths(targets);
	std::vector<Address> addresses;
	for (const auto &one : targets) {
		if (is_unix(one))
			throw BadTarget(
				"Unix sockets and TCP addresses cannot be mixed in one client");
		addresses.push_back(split(one));
	}
	const auto &first = addresses.front();
	if (addresses.size() == 1 && !family_of(first.host))
		return "dns:///" + first.host + ":" + first.port;
	for (const int family : {AF_INET, AF_INET6})
		if (const auto made = in_family(addresses, family); !made.empty())
			return made;
	throw BadTarget("several addresses go together if all are of IPv4, or all of IPv6");
}

} // namespace vmalab::internal
