// SPDX-License-Identifier: Apache-2.0
/*
 * Runs the conformance cases with the C++ client, and prints TAP.
 *
 * usage: conformance ORDERS
 *
 * clients/conformance/runner.py starts it. The names of steps and expectations are those of
 * clients/conformance/README.md.
 */
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "running.hpp"

/* A text on one line. */
static std::string flat(const std::string &text)
{
	std::istringstream words(text);
	std::string word, made;
	while (words >> word)
		made += (made.empty() ? "" : " ") + word;
	return made;
}

int main(int count, char **arguments)
{
	if (count != 2) {
		std::cerr << "usage: conformance ORDERS\n";
		return 2;
	}
	std::ifstream file(arguments[1]);
	const auto orders = conformance::json::parse(file);
	const auto &cases = orders["cases"];
	std::size_t at = 0;
	bool failed = false;
	std::cout << "1.." << cases.size() << std::endl;
	for (const auto &one : cases) {
		const std::string name = one["name"], profile = one["profile"];
		conformance::Running running(orders["profiles"][profile], profile);
		const auto wrong = running.run(one["steps"]);
		std::cout << (wrong.empty() ? "ok " : "not ok ") << ++at << " - " << name
			  << std::endl;
		if (!wrong.empty()) {
			failed = true;
			std::cout << "# " << name << ": " << flat(wrong) << std::endl;
		}
	}
	return failed ? 1 : 0;
}
