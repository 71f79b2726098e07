# Two commands do all the set-up on a fresh Debian 12 with a Swift toolchain:
#   make demo    post-trains a small model with HPT on verifiable arithmetic
#   make test    builds everything and passes the tests
# Both install the Debian packages they miss.

# A pinned kernel costs OpenBLAS, which `make bench` compares with, half the speed of an AVX-512 core.
unexport OPENBLAS_CORETYPE
unexport OPENBLAS_L2_SIZE

SWIFT_BUILD = swift build -c release --explicit-target-dependency-import-check error
PIPELINE = .build/release/pipeline
PACKAGES = libzstd-dev zlib1g-dev liblmdb-dev libssl-dev pkg-config
COMPARISON = libopenblas0-pthread python3
BROWSER = chromium chromium-driver
MODULES = libzstd zlib lmdb libcrypto
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

SANITIZERS = sanitize-address sanitize-thread sanitize-undefined

.PHONY: demo twins algorithms bench test comparison browser crash crash-planted soak fuzz $(SANITIZERS) build packages format lint \
  clean

demo: build
	$(PIPELINE) run pipelines/quickstart.yaml

# The same base, prompts and number of steps under Dr. GRPO and SFT alone, and all three side by side.
twins: build
	$(PIPELINE) run pipelines/quickstart-dr-grpo.yaml
	$(PIPELINE) run pipelines/quickstart-sft.yaml

# Every definition of pipelines/algorithms over three seeds: the last table of docs/algorithms.md.
algorithms: build
	docs/tools/compare-algorithms.sh

test: packages comparison browser
	$(SWIFT_BUILD) --build-tests
	swift test -c release --skip-build

# Speed, as docs/benchmarks.md has it: everything on this machine, which should be doing nothing else.
# docs/tools/bench.sh says how to do less; docs/tools/bench-table.py puts peers' figures beside.
bench: build comparison
	docs/tools/bench.sh

# The crash laboratory, whole: hours. `make test` has a few trials of every campaign. What has held is
# not done again; SHARD=1/4 does a quarter, CAMPAIGN=kill,twice and SUBJECT=hpt less, MINUTES=30 stops,
# JOBS=2 uses two cores, TRIALS=10 draws so many where a campaign draws at random.
crash: packages
	$(SWIFT_BUILD)
	.build/release/crash-lab run --jobs $(or $(JOBS),1) $(if $(SHARD),--shard $(SHARD)) \
	  $(if $(CAMPAIGN),--campaign $(CAMPAIGN)) $(if $(SUBJECT),--subject $(SUBJECT)) \
	  $(if $(TRIALS),--trials $(TRIALS)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(WORK),--work $(WORK))

# A test of the laboratory: bugs planted in a copy of the sources, each of which a campaign must find.
# The copy is built for every bug; BUGS="no-checksum silent-skip" plants some. No part of `make test`.
PLANTED = .build/planted-tree
crash-planted: packages
	$(SWIFT_BUILD)
	mkdir -p $(PLANTED)
	tar -c --exclude=./.build --exclude=./.git --exclude=./runs . | tar -x -C $(PLANTED)
	.build/release/crash-lab planted --tree $(PLANTED) $(BUGS)

# A run without an end, watched for HOURS (2): memory, descriptors, threads, size of the queue.
soak: packages
	$(SWIFT_BUILD)
	.build/release/crash-lab soak $(if $(HOURS),--hours $(HOURS)) $(if $(WORK),--work $(WORK))

# Seeded mutations of definitions, manifests, rows, records and the files of models against their readers,
# each for SECONDS, or EXECUTIONS=1000000 inputs; `make test` has a few thousand of each. TARGET=templates
# runs one alone (a test of Tests/FuzzTests). An input that traps stays in $TMPDIR/temper-fuzz-NAME.
SECONDS = 60
fuzz: packages
	$(SWIFT_BUILD) --build-tests
	TEMPER_FUZZ_SECONDS=$(SECONDS) $(if $(EXECUTIONS),TEMPER_FUZZ_EXECUTIONS=$(EXECUTIONS)) \
	  swift test -c release --skip-build --no-parallel --filter '^FuzzTests\..*$(TARGET)'

# The tests under a sanitizer, in a build folder of its own. Undefined behaviour is looked for in C: Swift
# checks itself. Reports are files, because tests read or drop what the processes that they drive print;
# one report fails the whole. Left out are tests of speed; and, but for undefined behaviour, the crash
# tests: they preload a library into programs that have no sanitizer, and strike where a sanitizer's
# calls come between. What they drive is driven by the other tests too.
sanitize-address: FLAGS = --sanitize=address
# It traces the process to find leaks, which the kernel refuses once that has become another user.
sanitize-address: LEFT_OUT = --skip '^CrashTests\.' --skip readingAloneNeedsNoRightToWrite
# Locks that the sanitizer would not see: the file says which.
sanitize-thread: $(CURDIR)/.build/thread/mutex.o
sanitize-thread: FLAGS = --sanitize=thread -Xlinker $(CURDIR)/.build/thread/mutex.o
sanitize-thread: LEFT_OUT = --skip '^CrashTests\.'
sanitize-undefined: FLAGS = -Xcc -fsanitize=undefined,float-cast-overflow \
  -Xswiftc -Xclang-linker -Xswiftc -fsanitize=undefined
$(SANITIZERS): sanitize-%: packages
	$(SWIFT_BUILD) --build-tests --scratch-path .build/$* $(FLAGS)
	rm -f .build/$*/report.*
	report=log_path=$(CURDIR)/.build/$*/report; \
	  TEMPER_SANITIZED=yes ASAN_OPTIONS=$$report TSAN_OPTIONS=$$report:suppressions=$(CURDIR)/Tests/Sanitizers/races.txt:print_suppressions=0 \
	  UBSAN_OPTIONS=$$report:print_stacktrace=1 \
	  LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/Sanitizers/leaks.txt:print_suppressions=0 \
	  swift test -c release --skip-build --disable-xctest --scratch-path .build/$* $(FLAGS) \
	  --skip SpeedTests $(LEFT_OUT); \
	  status=$$?; cat .build/$*/report.* 2>/dev/null && exit 1; exit $$status

%/mutex.o: Tests/Sanitizers/mutex.c
	mkdir -p $(@D)
	clang -O1 -c $< -o $@

build: packages
	$(SWIFT_BUILD) --product pipeline

# What tests and measurements use beside: the products that ours are compared with, and the language that
# the verifier `code` is tried in.
comparison: packages
	@{ ldconfig -p | grep -q libopenblas.so.0 && command -v python3 >/dev/null; } || \
	  { echo "installing $(COMPARISON)"; $(SUDO) apt-get update -qq && \
	    $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(COMPARISON); }

# In which the tests open the pages.
browser: packages
	@{ command -v chromium && command -v chromedriver; } >/dev/null || \
	  { echo "installing $(BROWSER)"; $(SUDO) apt-get update -qq && \
	    $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(BROWSER); }

packages:
	@pkg-config --exists $(MODULES) 2>/dev/null || \
	  { echo "installing $(PACKAGES)"; $(SUDO) apt-get update -qq && \
	    $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(PACKAGES); }

format:
	swift format -i -r Sources Tests Package.swift

lint:
	swift format lint --strict -r Sources Tests Package.swift

clean:
	rm -rf .build
