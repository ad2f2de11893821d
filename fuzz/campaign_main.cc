// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A fuzz target without an engine: runs the programs that it is named, then a fixed number of
// drawn ones. It is how MemorySanitizer sees the target, since the engines' own libraries are not
// instrumented; for the same reason it uses nothing of the library that is not in a header.
//
//     board_fuzzer --runs=5000 --seed=1 corpus/board/good/*.sw
//
// With --keep=FILE the program of a finding is left there; `sidewall fmt` makes text of it.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "fuzz/mutator.h"
#include "fuzz/program.h"

// Of the sanitizer that the target is built with.
extern "C" void __sanitizer_set_death_callback(void (*callback)());
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace sidewall::fuzz {
namespace {

constexpr size_t kPool = 64;

const char* keep = nullptr;  // a file
std::vector<uint8_t> running;

void Keep() {
  FILE* file = keep != nullptr ? std::fopen(keep, "wb") : nullptr;
  if (file == nullptr) return;
  std::fwrite(running.data(), 1, running.size(), file);
  std::fclose(file);
}

// A verdict of the oracle is a trap; the sanitizer says itself when it dies.
void KeepWhatEnds() {
  for (const int trap : {SIGILL, SIGTRAP, SIGABRT}) {
    std::signal(trap, [](int signal) {
      Keep();
      std::signal(signal, SIG_DFL);
      std::raise(signal);
    });
  }
  __sanitizer_set_death_callback(Keep);
}

bool ReadFile(const char* path, std::string* text) {
  FILE* file = std::fopen(path, "rb");
  if (file == nullptr) return false;
  char buffer[4096];
  size_t got = 0;
  while ((got = std::fread(buffer, 1, sizeof(buffer), file)) != 0) text->append(buffer, got);
  std::fclose(file);
  return true;
}

void Run(const Program& program) {
  running = Encode(program);
  LLVMFuzzerTestOneInput(running.data(), running.size());
}

bool RunFile(const char* path, std::vector<Program>* pool) {
  std::string text;
  if (!ReadFile(path, &text)) {
    std::fprintf(stderr, "%s: cannot be read\n", path);
    return false;
  }
  Program program;
  ParseError error;
  if (!ParseText(text, &program, &error)) {
    std::fprintf(stderr, "%s:%zu:%zu: %s\n", path, error.line, error.column, error.what.c_str());
    return false;
  }
  Run(program);
  pool->push_back(program);
  return true;
}

// No coverage steers this: a pool of programs drifts, so that state still builds up.
void RunDrawn(uint64_t runs, uint64_t seed, std::vector<Program>* pool) {
  Mutator mutator(seed);
  const model::BoardSpec* boards[] = {model::FindBoard("tiny"), model::FindBoard("tegra234")};
  for (uint64_t i = 0; i < runs; i++) {
    Program program;
    if (pool->empty() || i % 4 == 0) {
      program = mutator.Fresh(*boards[i / 4 % 2]);
    } else {
      program = (*pool)[i * 7 % pool->size()];
    }
    mutator.Mutate(&program, kMaxEvents);
    Run(program);
    if (pool->size() < kPool) {
      pool->push_back(program);
    } else {
      (*pool)[i % kPool] = program;
    }
  }
}

}  // namespace
}  // namespace sidewall::fuzz

int main(int argc, char** argv) {
  uint64_t runs = 0;
  uint64_t seed = 1;
  std::vector<sidewall::fuzz::Program> pool;
  LLVMFuzzerInitialize(&argc, &argv);
  sidewall::fuzz::KeepWhatEnds();
  int files = 0;
  for (int i = 1; i < argc; i++) {
    if (std::strncmp(argv[i], "--runs=", 7) == 0) {
      runs = std::strtoull(argv[i] + 7, nullptr, 0);
    } else if (std::strncmp(argv[i], "--seed=", 7) == 0) {
      seed = std::strtoull(argv[i] + 7, nullptr, 0);
    } else if (std::strncmp(argv[i], "--keep=", 7) == 0) {
      sidewall::fuzz::keep = argv[i] + 7;
    } else if (sidewall::fuzz::RunFile(argv[i], &pool)) {
      files++;
    } else {
      return 2;
    }
  }
  sidewall::fuzz::RunDrawn(runs, seed, &pool);
  std::printf("%d files and %llu drawn programs ran\n", files, (unsigned long long)runs);
  return 0;
}
