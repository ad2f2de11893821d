// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Two boards must agree on all that the host can read of the driver that ships, and must not where
// that driver has a leak. The same programs are drawn over each driver, from a fixed seed, so that
// what finds a planted leak may then say that it found none:
//
//     fuzz_secrecy_test                # over the driver that ships: nothing
//     fuzz_secrecy_SB194_test          # over one that leaks: something
#include "fuzz/secrecy.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "fuzz/mutator.h"
#include "fuzz/program_file.h"

namespace sidewall::fuzz {
namespace {

#ifdef SIDEWALL_LEAKS
constexpr bool kLeaks = true;
#else
constexpr bool kLeaks = false;
#endif

constexpr int kPrograms = 120;
constexpr size_t kEvents = 200;

class SecrecyTest : public testing::Test {
 protected:
  // True: the host can tell what it must not.
  bool Leaks(const Program& program) {
    const Verdict verdict = secrecy_.Run(program);
    if (verdict.id == Invariant::kNone) return false;
    EXPECT_EQ(verdict.id, Invariant::kIso13);
    EXPECT_TRUE(kLeaks) << verdict.title;
    return true;
  }

  Secrecy secrecy_{*model::FindBoard("tegra234")};
  Mutator mutator_{1};
};

// Lives of guests, each bent a little further in a chain of eight programs.
TEST_F(SecrecyTest, DrawnProgramsTellOfALeakWhereThereIsOne) {
  const char* root = std::getenv("SIDEWALL_ROOT");
  const std::string folder = std::string(root ? root : ".") + "/corpus/board/";
  Program lives[3];
  const char* const files[] = {"seed/guest-life.sw", "good/iso13-what-a-guest-does-is-its-own.sw",
                               "good/fun05-a-guest-hears-of-its-own-faults.sw"};
  for (size_t i = 0; i < std::size(files); i++) {
    std::string problem;
    ASSERT_TRUE(LoadProgram(folder + files[i], &lives[i], &problem)) << problem;
    EXPECT_TRUE(Secrecy::HasSecrets(lives[i]));
  }
  Program program;
  int with_secrets = 0;
  int leaks = 0;
  for (int i = 0; i < kPrograms; i++) {
    if (i % 8 == 0) program = lives[i / 8 % std::size(lives)];
    mutator_.Mutate(&program, kEvents);
    if (!Secrecy::HasSecrets(program)) continue;
    with_secrets++;
    leaks += Leaks(program);
  }

  EXPECT_EQ(leaks != 0, kLeaks);
  EXPECT_GE(with_secrets, kPrograms / 2);
  EXPECT_GE(secrecy_.twisted(), uint64_t{kPrograms});
}

// The window of stream IDs records no fault, so that the event is skipped. Whose record it was, was
// looked up all the same, in an SMMU that is not there.
TEST_F(SecrecyTest, AFaultOfAWindowThatRecordsNone) {
  Program program;
  ParseError error;
  ASSERT_TRUE(
      ParseText("# sidewall-program v1\n"
                "# board: tegra234\n"
                "vm.create\n"
                "vm.assign iommu=iso sid=4\n"
                "hw.fault mc_sid bank=0x70 fsr=0x40 fsynr0=0x30008 far=0x1234000 sid=4\n",
                &program, &error))
      << error.what;
  EXPECT_TRUE(Secrecy::HasSecrets(program));
  EXPECT_FALSE(Leaks(program));
}

TEST_F(SecrecyTest, RunLeavesNothingToTheNext) {
  const char* root = std::getenv("SIDEWALL_ROOT");
  const std::string file =
      std::string(root ? root : ".") + "/corpus/board/good/iso13-what-a-guest-does-is-its-own.sw";
  Program life;
  std::string problem;
  ASSERT_TRUE(LoadProgram(file, &life, &problem)) << problem;
  Program nothing;
  nothing.board = life.board;
  secrecy_.Run(nothing);  // the boards come up
  Coverage each[2];
  for (Coverage& one : each) {
    *secrecy_.exercised() = Coverage();
    secrecy_.Run(life);
    secrecy_.Undo();
    one = *secrecy_.exercised();
  }
  EXPECT_EQ(each[0].programs, 1u);
  EXPECT_GT(each[0].stores, 0u);
  EXPECT_EQ(each[0].stores, each[1].stores);
  EXPECT_GT(each[0].evaluated[static_cast<size_t>(Invariant::kIso13)], 0u);
  // The loads that compare are none of the program's.
  EXPECT_LE(each[0].events, life.events.size());
}

}  // namespace
}  // namespace sidewall::fuzz
