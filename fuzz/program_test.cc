// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "fuzz/boards.h"
#include "fuzz/program_file.h"
#include "fuzz/random.h"
#include "fuzz/round_trip.h"
#include "fuzz/spelling.h"
#include "model/board.h"
#include "model/registers.h"
#include "oracle/invariant.h"

namespace sidewall::fuzz {
namespace {

constexpr char kHead[] = "# sidewall-program v1\n# board: tiny\n";

Program MustParse(const std::string& text) {
  Program program;
  ParseError error;
  EXPECT_TRUE(ParseText(text, &program, &error))
      << text << "\n"
      << error.line << ":" << error.column << " " << error.what;
  return program;
}

Event MustParseEvent(const std::string& line) {
  const Program program = MustParse(kHead + line + "\n");
  return program.events.size() == 1 ? program.events[0] : Event();
}

ParseError MustFail(const std::string& text) {
  Program program;
  ParseError error;
  EXPECT_FALSE(ParseText(text, &program, &error)) << text;
  EXPECT_FALSE(error.what.empty()) << text;
  EXPECT_FALSE(error.hint.empty()) << text;
  return error;
}

ParseError MustFailEvent(const std::string& line) { return MustFail(kHead + line + "\n"); }

// The text of an event after a trip through the parser.
std::string Again(const std::string& line) { return FormatEvent(MustParseEvent(line)); }

TEST(Text, TheExampleOfTheManual) {
  const Program program = MustParse(
      "# sidewall-program v1\n"
      "# board: tegra234\n"
      "# driver: shipped         (or: bug/SB014)\n"
      "# expect: pass            (or: ISO01)\n"
      "host.write32 niso0 S2CR[5] type=bypass\n"
      "host.write32 niso0 SMR[5] id=0x06 mask=0x7f80 valid=1\n"
      "dma client=mgbeard addr=0x80001000 read     -> ok\n"
      "hyp.donate pages=0x80001000+1 to=guest0\n"
      "dma client=mgbeard addr=0x80001000 read     -> fault\n");
  ASSERT_EQ(program.events.size(), 5u);
  EXPECT_EQ(program.board, model::FindBoard("tegra234")->id);
  const Event& s2cr = program.events[0];
  EXPECT_EQ(s2cr.kind, EventKind::kHostWrite);
  EXPECT_EQ(s2cr.arg[0], static_cast<uint64_t>(Window::kNiso0));
  EXPECT_EQ(s2cr.arg[1], 0xc14u);
  EXPECT_EQ(s2cr.arg[2], 4u);
  EXPECT_EQ(s2cr.arg[3], 0x10000u);
  EXPECT_EQ(program.events[1].arg[1], 0x814u);
  EXPECT_EQ(program.events[1].arg[3], 0xff800006u);
  EXPECT_EQ(program.events[2].arg[0], 0x58u);
  EXPECT_EQ(program.events[2].expect, Expect::kOk);
  EXPECT_EQ(program.events[3].arg[1], 1u);
  EXPECT_EQ(program.events[3].arg[2], 2u);
  EXPECT_EQ(program.events[4].expect, Expect::kFault);
}

TEST(Text, CanonicalLinesStayAsTheyAre) {
  for (const char* line : {
           "host.write32 niso0 S2CR[5] type=bypass",
           "host.write32 niso0 S2CR[5] 0",
           "host.read32 niso0 sCR0 -> 0x201c06",
           "host.write64 niso0m CB[3].TTBR0 0x1000080010000 cpu=3",
           "host.write32 niso0 TLBIALLNSNH 0xffffffff reg=xzr",
           "host.write16 mc_ch15 +0x1824 0",
           "host.read32 mc_sid OVERRIDE[mgbeard] reg=x30 fail_nth=2 -> fault",
           "host.abort ipa=0x12000c14 esr=0x93c00046 value=5 -> refused",
           "host.store64 pa=0x80001000 value=0x80002003",
           "dma client=mgbeard addr=0x80001000 read",
           "dma client=mgbeard addr=0x80001000 write priv inst own=0x22 len=0x40 instance=1",
           "dma.stream stream=niso0:4 addr=0x80001000 write -> ok 0x414e0bd0",
           "hyp.donate pages=0x80001000+1 to=guest0 -> degraded",
           "hyp.reclaim pages=0x80001000+0x200 from=el2",
           "hw.fault niso0 bank=3 far=0xdead0000",
           "hw.sync niso0 mode=2",
           "boot.finalize",
           "mark value=0xff",
           "tick",
           "hvc.mc_register_sid mcclient=0x58 iommu=niso0 sid=6",
           "guest.map domain=1 iova=0x1000 ipa=0x2000 size=0x1000 prot=3",
       }) {
    EXPECT_EQ(Again(line), line);
  }
}

TEST(Text, OtherWaysToWriteTheSame) {
  const char* s2cr = "host.write32 niso0 S2CR[5] type=bypass";
  EXPECT_EQ(Again("host.write32 niso0 S2CR[5] 0x10000"), s2cr);
  EXPECT_EQ(Again("host.write32 niso0 S2CR[5] 65536"), s2cr);
  EXPECT_EQ(Again("host.write32 niso0 +0xc14 TYPE=1"), s2cr);
  EXPECT_EQ(Again("\thost.write width=4 window=2 offset=0xc14   value=0x10000  # why\r"), s2cr);
  EXPECT_EQ(Again("host.write32 2 0xc14 0x10000 reg=x0 cpu=0"), s2cr);
  EXPECT_EQ(Again("dma client=0x58 addr=4096 access=1 len=8"),
            "dma client=mgbeard addr=0x1000 write");
  EXPECT_EQ(Again("dma.stream stream=1:0x4 addr=0 own=5 inst read"),
            "dma.stream stream=niso0:4 addr=0 read inst own=5");
  EXPECT_EQ(Again("hyp.donate pages=0x80001000"), "hyp.donate pages=0x80001000+1 to=guest0");
  EXPECT_EQ(Again("host.read32 iso sCR0 -> ok 5"), "host.read32 iso sCR0 -> 5");
}

TEST(Text, BitsOutsideEveryFieldMakeANumber) {
  EXPECT_EQ(Again("host.write32 niso0 S2CR[5] 0xc0010000"),
            "host.write32 niso0 S2CR[5] 0xc0010000");
  EXPECT_EQ(Again("host.write64 niso0 S2CR[5] 0x10000"), "host.write64 niso0 S2CR[5] 0x10000");
}

TEST(Text, ErrorsSayWhere) {
  const ParseError verb = MustFailEvent("host.wrote32 niso0 S2CR[5] 0");
  EXPECT_EQ(verb.line, 3u);
  EXPECT_EQ(verb.column, 1u);
  EXPECT_NE(verb.hint.find("host.write32"), std::string::npos) << verb.hint;
  EXPECT_EQ(MustFailEvent("host.write32 niso7 S2CR[5] 0").column, 14u);
  EXPECT_EQ(MustFailEvent("host.write32 niso0 S2CX[5] 0").column, 20u);
  EXPECT_EQ(MustFailEvent("host.write32 niso0 S2CR[5] colour=1").column, 28u);
  EXPECT_EQ(MustFailEvent("host.write32 niso0 S2CR[5] type=4").column, 33u);
  EXPECT_EQ(MustFailEvent("host.write32 niso0 S2CR[5]").column, 27u);
  EXPECT_EQ(MustFailEvent("tick now_us=18446744073709551616").column, 13u);
}

TEST(Text, RefusesWhatContradictsItself) {
  for (const char* line : {
           "host.write niso0 S2CR[5] 0",
           "host.write32 niso0 S2CR[5] 0 width=4",
           "host.write32 niso0 S2CR[5] 0 type=bypass",
           "host.write32 niso0 S2CR[5] type=bypass type=fault",
           "host.write32 niso0 S2CR[5] 0 1",
           "host.write32 niso0 type=bypass",
           "host.read32 niso0 S2CR[5] type=bypass",
           "host.read32 niso0 S2CR[5] reg=x31",
           "dma client=mgbeard addr=0",
           "dma client=mgbeard addr=0 read write",
           "dma client=mgbeard addr=0 read read",
           "dma client=mgbeard addr=0 read access=1",
           "dma client=mgbeard addr=0 access=1 own=3",
           "dma client=nobody addr=0 read",
           "dma client= addr=0 read",
           "dma.stream stream=niso0 addr=0 read",
           "hyp.donate pages=0x1000+ to=guest0",
           "hyp.donate pages=0x1000+1 to=guest64",
           "hyp.donate pages=0x1000+1 to=host to=host",
           "tick cpu=256",
           "tick cpu=1 cpu=1",
           "tick fail_nth=65536",
           "tick 5",
           "tick -> maybe",
           "tick ->",
           "tick -> ok 5 6",
           "tick -> fault 5",
           "tick arg6=1",
           "tick arg1=x",
           "hw.fault niso0 sid=1 -> ok 2",
           "choice: 0",
           "choice: 0x1",
           "schedule: 1ff",
       }) {
    MustFailEvent(line);
  }
}

TEST(Text, HeadLines) {
  EXPECT_EQ(MustFail("").line, 1u);
  EXPECT_EQ(MustFail("tick\n").line, 1u);
  EXPECT_EQ(MustFail("# sidewall-program v2\n# board: tiny\n").line, 1u);
  EXPECT_EQ(MustFail("# sidewall-program v1\ntick\n").what, "no board");
  EXPECT_EQ(MustFail("# sidewall-program v1\n# board: huge\n").column, 10u);
  MustFail(std::string(kHead) + "# board: tiny\n");
  MustFail(std::string(kHead) + "# driver: bug/14\n");
  MustFail(std::string(kHead) + "# expect: ISO99\n");
  MustFail(std::string(kHead) + "# expect:\n");
  MustFail(std::string(kHead) + "# expect: pass fail\n");
  MustFail(std::string(kHead) + "tick\n# expect: pass\n");
  MustFail(std::string(kHead) + "# sidewall-program v1\n");
  const Program program =
      MustParse(std::string(kHead) + "# driver: bug/SB014\n# expect: ISO05 (floor)\n# a note\n");
  EXPECT_EQ(program.driver, kDriverBug | 14);
  EXPECT_EQ(program.expect, static_cast<uint8_t>(Invariant::kIso05));
}

TEST(Text, MistypedHeadWordIsNoComment) {
  const ParseError error = MustFail(std::string(kHead) + "# expct: ISO01\ntick\n");
  EXPECT_EQ(error.line, 3u);
  EXPECT_EQ(error.column, 3u);
  EXPECT_NE(error.what.find("expct:"), std::string::npos) << error.what;
  for (const char* line : {"# Expect: ISO01", "#expect: ISO01", "# expect:ISO01", "  ##  note:"}) {
    MustFail(std::string(kHead) + line + "\n");
  }
  for (const char* legal : {"# two words: are prose", "# : nothing", "#", "# plain", "\n# note: x",
                            "tick\n# note: x", "tick # note: x"}) {
    MustParse(std::string(kHead) + legal + "\n");
  }
}

std::string TestFolder(const std::string& name) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

TEST(ProgramFile, LinkIsFollowedAndModeKept) {
  namespace fs = std::filesystem;
  const fs::path folder = TestFolder("program_file_link");
  std::string problem, bytes;
  ASSERT_TRUE(WriteFile(folder / "real", "old", &problem)) << problem;
  fs::permissions(folder / "real", fs::perms(0640));
  fs::create_symlink("real", folder / "link");
  fs::create_symlink("made", folder / "dangling");
  ASSERT_TRUE(WriteFile(folder / "link", "new", &problem)) << problem;
  ASSERT_TRUE(WriteFile(folder / "dangling", "too", &problem)) << problem;
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(fs::status(folder / "real").permissions(), fs::perms(0640));
  ASSERT_TRUE(ReadFile(folder / "real", &bytes, &problem)) << problem;
  EXPECT_EQ(bytes, "new");
  ASSERT_TRUE(ReadFile(folder / "made", &bytes, &problem)) << problem;
  EXPECT_EQ(bytes, "too");
  EXPECT_FALSE(WriteFile(folder, "x", &problem));
  EXPECT_FALSE(WriteFile(folder / "none/x", "x", &problem));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 4) << "nothing is left over";
}

TEST(ProgramFile, PipeStaysAPipe) {
  const std::string pipe = TestFolder("program_file_pipe") + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  std::string problem;
  EXPECT_TRUE(WriteFile(pipe, "new", &problem)) << problem;
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  char buffer[8];
  EXPECT_EQ(read(reader, buffer, sizeof(buffer)), 3);
  close(reader);
}

TEST(Text, SectionsAreBounded) {
  const std::string byte = " 5a";
  std::string line = "choice:";
  for (size_t i = 0; i < kMaxChoices; ++i) line += byte;
  EXPECT_EQ(MustParse(kHead + line + "\n").choices.size(), kMaxChoices);
  MustFail(kHead + line + byte + "\n");
  MustFail(kHead + line + "\nchoice: 00\n");
  std::string many = kHead;
  for (size_t i = 0; i < kMaxFileEvents; ++i) many += "tick\n";
  EXPECT_EQ(MustParse(many).events.size(), kMaxFileEvents);
  MustFail(many + "tick\n");
}

TEST(Text, SourceKeepsComments) {
  const std::string source =
      "# sidewall-program v1\n#   board:   tiny\n\n# A page leaves the host.\n"
      "hyp.donate   pages=0x80001000   # guest0\n  choice: 00  FF\n";
  std::string out;
  ParseError error;
  // "#   board:" still is a head line.
  ASSERT_TRUE(FormatSource(source, &out, &error)) << error.what;
  EXPECT_EQ(out,
            "# sidewall-program v1\n# board: tiny\n\n# A page leaves the host.\n"
            "hyp.donate pages=0x80001000+1 to=guest0  # guest0\nchoice: 00 ff\n");
  std::string twice;
  ASSERT_TRUE(FormatSource(out, &twice, &error));
  EXPECT_EQ(twice, out);
}

TEST(Binary, RefusesWhatItDidNotWrite) {
  Program program = MustParse(std::string(kHead) + "tick\ntick now_us=5\nchoice: 01 02\n");
  const std::vector<uint8_t> good = Encode(program);
  ASSERT_EQ(good.size(), 24 + 2 * 56 + 2u);
  std::string why;
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(Decode(good.data(), size, &why)) << size;
    EXPECT_FALSE(why.empty());
  }
  std::vector<uint8_t> longer = good;
  longer.push_back(0);
  EXPECT_FALSE(Decode(longer.data(), longer.size()));
  // Magic, version, board, expect, driver, three counts; kind, expect, reserved of an event.
  for (const size_t at : {0, 4, 6, 7, 8, 15, 19, 23, 24, 24 + 4, 24 + 5, 24 + 7}) {
    std::vector<uint8_t> bad = good;
    bad[at] = 0x7d;
    EXPECT_FALSE(Decode(bad.data(), bad.size(), &why)) << at;
  }
}

TEST(Binary, TheLayoutIsFixed) {
  const Program program = MustParse(
      "# sidewall-program v1\n# board: tiny\n# driver: bug/SB001\n# expect: ISO05\n"
      "hyp.donate pages=0x1122334455667788+2 to=guest0 cpu=1 fail_nth=0x203 -> ok\n"
      "choice: aa\nschedule: bb cc\n");
  const std::vector<uint8_t> bytes = Encode(program);
  const uint8_t board = model::FindBoard("tiny")->id;
  const std::vector<uint8_t> head = {'S', 'W', 'P', '1', 1, 0, board, 5, 1,    0x80, 0,    0,
                                     1,   0,   0,   0,   1, 0, 0,     0, 2,    0,    0,    0,
                                     7,   1,   3,   2,   1, 0, 0,     0, 0x88, 0x77, 0x66, 0x55};
  EXPECT_EQ(std::vector<uint8_t>(bytes.begin(), bytes.begin() + std::ssize(head)), head);
  EXPECT_EQ(std::vector<uint8_t>(bytes.end() - 3, bytes.end()),
            (std::vector<uint8_t>{0xaa, 0xbb, 0xcc}));
}

// RAM is part of a board's name, and of the header where it is not the board's own.
TEST(Boards, AProgramMayAskForMemory) {
  const Program program = MustParse("# sidewall-program v1\n# board: tegra234:8G\n");
  EXPECT_EQ(program.ram, 4096u);
  EXPECT_EQ(BoardOf(program)->dram[0].size, uint64_t{8} << 30);
  EXPECT_EQ(BoardOf(program), BoardNamed("tegra234:8G"));
  EXPECT_NE(FormatText(program).find("# board: tegra234:8G\n"), std::string::npos);
  const std::vector<uint8_t> bytes = Encode(program);
  EXPECT_EQ(bytes[10] | bytes[11] << 8, 4096);
  EXPECT_EQ(*Decode(bytes.data(), bytes.size()), program);
  EXPECT_EQ(BoardSpelling(MustParse("# sidewall-program v1\n# board: tiny:66M\n")), "tiny:66M");
  EXPECT_EQ(BoardSpelling(MustParse("# sidewall-program v1\n# board: tiny:2048M\n")), "tiny:2G");
  // Nothing changes for a program that does not ask.
  EXPECT_EQ(MustParse("# sidewall-program v1\n# board: tiny\n").ram, 0);
  EXPECT_EQ(BoardOf(MustParse("# sidewall-program v1\n# board: tiny\n")), model::FindBoard("tiny"));
  for (const char* bad : {"tiny:", "tiny:3M", "tiny:2M", "tegra234:128G", "tegra234:8T", "x:8G"}) {
    const ParseError error = MustFail("# sidewall-program v1\n# board: " + std::string(bad) + "\n");
    EXPECT_EQ(error.line, 2u) << bad;
    EXPECT_NE(error.hint.find("tegra234:8G"), std::string::npos) << bad;
  }
  std::vector<uint8_t> small = bytes;
  small[10] = 1;  // 2 MiB, less than the pool
  small[11] = 0;
  std::string why;
  EXPECT_FALSE(Decode(small.data(), small.size(), &why));
  EXPECT_EQ(why, "the board cannot have as much RAM");
}

// The same property as the fuzz target, over inputs that depend on the seed alone.
TEST(RoundTrip, EveryProgramSurvivesBothWays) {
  std::string problem;
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    Random random(seed);
    std::vector<uint8_t> bytes(random.Below(900));
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Next() >> random.Below(8));
    const Program program = ProgramOfBytes(bytes.data(), bytes.size());
    ASSERT_TRUE(ProgramSurvives(program, &problem)) << seed << ": " << problem;
    const std::vector<uint8_t> encoded = Encode(program);
    ASSERT_TRUE(BytesSurvive(encoded.data(), encoded.size(), &problem)) << seed << ": " << problem;
    // Text with one character changed is refused with a place, or means something that survives.
    std::string text = FormatText(program);
    for (int i = 0; i < 4; ++i) {
      text[random.Below(text.size())] = "0x=-># \n9azS[].:+"[random.Below(18)];
      ASSERT_TRUE(TextSurvives(text, &problem)) << seed << ": " << problem << text;
    }
  }
}

// Every register of the model by its name, and every 32-bit offset between them.
TEST(RoundTrip, EveryRegisterOfTheModel) {
  for (const Window window : {Window::kNiso0, Window::kMcSid, Window::kMcChannel0}) {
    const uint32_t end = window == Window::kNiso0 ? 0x40000 : 0x3000;
    for (uint32_t offset = 0; offset < end; offset += 4) {
      Event event{.kind = EventKind::kHostWrite};
      event.arg[0] = static_cast<uint64_t>(window);
      event.arg[1] = offset;
      event.arg[2] = 4;
      event.arg[3] = 0x11111111u << (offset / 4 % 4);
      const Event again = MustParseEvent(FormatEvent(event));
      ASSERT_EQ(again.arg[1], offset) << FormatEvent(event);
      ASSERT_EQ(again.arg[3], event.arg[3]) << FormatEvent(event);
    }
  }
}

TEST(Spelling, EveryClientByName) {
  size_t count = 0;
  const model::ClientInfo* clients = model::Clients(&count);
  ASSERT_GE(count, 80u);
  for (size_t i = 0; i < count; ++i) {
    uint64_t id = 0;
    ASSERT_TRUE(ParseClientWord(ClientWord(clients[i].id), &id)) << clients[i].name;
    EXPECT_EQ(id, clients[i].id);
  }
}

TEST(Spelling, Drivers) {
  for (const char* word : {"shipped", "passthrough", "denyall", "bug/SB001", "bug/SB1234"}) {
    uint16_t driver = 0;
    ASSERT_TRUE(ParseDriverWord(word, &driver)) << word;
    EXPECT_EQ(DriverWord(driver), word);
  }
  uint16_t driver = 0;
  EXPECT_FALSE(ParseDriverWord("bug/SB40000", &driver));
  EXPECT_FALSE(ParseDriverWord("bug/SB", &driver));
  EXPECT_FALSE(ParseDriverWord("mine", &driver));
}

}  // namespace
}  // namespace sidewall::fuzz
