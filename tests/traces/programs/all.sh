# SPDX-License-Identifier: Apache-2.0
# all.sh NAME: run one of the programs in this folder, a copy that may be written to.
set -e
case "$1" in
python) exec /usr/bin/python3 threads.py ;;
python-processes) exec /usr/bin/python3 subproc.py ;;
node) exec node worker.js ;;
java) exec java -Xmx64m -cp . Hello ;;
go) exec ./gc ;;
go-build) exec go build -p 2 -gcflags=-l -o built gc.go ;;
sysv) exec ./sysv ;;
gcc) exec gcc -O2 -o prog2 main.c square.c ;;
make) exec make -j2 ;;
git) exec sh git.sh . ;;
sqlite) exec sqlite3 :memory: \
	"create table t(a); insert into t values (1), (2); select sum(a) from t" ;;
perl) exec perl -e 'my %h = map { $_ => "x$_" } 1 .. 3000; print scalar(keys %h), "\n"' ;;
pipeline) ls / | sort | awk '{ print $1 }' | head -3 | cat ;;
corners) exec ./corners ;;
edge-*) exec "./$1" ;;
keys) exec ./keys ;;
rights) exec ./rights ;;
*) echo "no program $1" >&2; exit 2 ;;
esac
