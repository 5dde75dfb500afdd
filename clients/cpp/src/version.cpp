// SPDX-License-Identifier: Apache-2.0
/* Who is too old for whom. */
#include "version.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace vmalab::internal
{

std::string &client_version()
{
	static std::string version = VMALAB_CLIENT_VERSION;
	return version;
}

/* The numbers of "1.2.3"; what begins with no digit ends them. */
static std::vector<unsigned long> numbers(const std::string &text)
{
	std::vector<unsigned long> found;
	std::size_t at = 0;
	while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
		unsigned long number = 0;
		for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; at++)
			number = number * 10 + static_cast<unsigned long>(text[at] - '0');
		found.push_back(number);
		if (at < text.size() && text[at] == '.')
			at++;
		else
			break;
	}
	return found;
}

/* Compares number by number; one that is not there is 0. */
static bool older(const std::string &one, const std::string &other)
{
	auto first = numbers(one), second = numbers(other);
	const auto length = std::max(first.size(), second.size());
	first.resize(length);
	second.resize(length);
	return first < second;
}

std::string complaint(const v1::GetServerInfoResponse &info, const std::string &mine)
{
	if (older(mine, info.oldest_client()))
		return "vmalab: this client is " + mine + ", and the server " + info.version() +
		       " serves clients from " + info.oldest_client() + " on: get a newer one";
	/* "0" is a server that runs from a tree. */
	const auto &theirs = info.version();
	if (!theirs.empty() && theirs != "0" && older(theirs, OLDEST_SERVER))
		return "vmalab: the server is " + theirs +
		       ", and this client asks for what servers do from " + OLDEST_SERVER +
		       " on: run a newer one";
	return "";
}

} // namespace vmalab::internal
