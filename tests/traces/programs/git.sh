# SPDX-License-Identifier: Apache-2.0
set -e
cd "$1"
git init -q repo && cd repo
git config user.email a@example.org && git config user.name A
echo one > file && git add file && git commit -q -m one
echo two >> file && git commit -q -a -m two
git log --oneline | cat
