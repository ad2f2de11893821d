// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The canonical form and its reader: what is written is read back, and what was damaged is refused
// with a message that names the place.
#include "replay/trace.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "replay/sha256.h"
#include "replay/trace_import.h"

namespace sidewall::replay {
namespace {

constexpr const char* kAccesses = "replay/testdata/small.csv";
constexpr const char* kTables = "replay/testdata/small.tables.csv";

ImportOptions SmallOptions() {
  return {.accesses = kAccesses,
          .tables = kTables,
          .machine = "Linux in QEMU, not a board",
          .kernel = "6.12"};
}

Trace Small() {
  const ImportOptions options = SmallOptions();
  Trace trace;
  TraceError error;
  EXPECT_TRUE(ImportRecorder(options, &trace, &error)) << error.Text();
  return trace;
}

std::string TempPath(const std::string& name) {
  const char* folder = std::getenv("TEST_TMPDIR");
  return std::string(folder == nullptr ? "/tmp" : folder) + "/" + std::to_string(getpid()) + name;
}

std::string Slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void Spill(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string Replace(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

// Gives an edited text the hash that it now has, so that what else is wrong comes to light.
std::string Seal(const std::string& text) {
  const size_t hash = text.find("# hash: sha256:");
  const size_t body = text.find('\n', hash) + 1;
  Sha256 sha;
  sha.Update(std::string_view(text).substr(0, hash));
  sha.Update(std::string_view(text).substr(body));
  return text.substr(0, hash) + "# hash: sha256:" + sha.Hex() + "\n" + text.substr(body);
}

TraceError ErrorOf(const std::string& text) {
  Trace trace;
  TraceError error;
  EXPECT_FALSE(ParseTrace(text, &trace, &error));
  EXPECT_FALSE(error.hint.empty());
  return error;
}

size_t LineOf(const std::string& text, const std::string& part) {
  return static_cast<size_t>(std::count(text.begin(), text.begin() + text.find(part), '\n')) + 1;
}

TEST(Sha256Test, KnownAnswers) {
  Sha256 empty;
  EXPECT_EQ(empty.Hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 abc;
  abc.Update("a");
  abc.Update("bc");
  EXPECT_EQ(abc.Hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 million;
  for (int i = 0; i < 1000; ++i) million.Update(std::string(1000, 'a'));
  EXPECT_EQ(million.Hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(TraceTest, TextIsReadBackAsItWas) {
  const std::string text = FormatTrace(Small());
  Trace trace;
  TraceError error;
  ASSERT_TRUE(ParseTrace(text, &trace, &error)) << error.Text();
  EXPECT_EQ(FormatTrace(trace), text);
  EXPECT_EQ(trace.head.machine, "Linux in QEMU, not a board");
}

TEST(TraceTest, EveryKindOfRecordHasItsLine) {
  const std::string text = FormatTrace(Small());
  for (const char* line :
       {"R 4 0.000100800 cpu0 mc_ch0 +0xdf8 0x00000000 ; ",
        "W 4 0.000103002 cpu0 niso0m +0xc04 0x00010000 ; S2CR[1]", "<arm_smmu_write_s2cr>\n",
        "\nmark 0.000104000 cpu0 0x1 ; <0x4c7f28>\n", "\ntable 0x40e4b000 L0\n",
        "\ntable 0x40e73000 L0 0=0x80000040e7f003 511=0x80000040e80003\n",
        "\ndma 0.000106100 niso0 sid=0x3 W 64 0x7fffff0040 -> ok 0x4f000040 cb2 ; <xfer>\n",
        "\ndma 0.000107000 niso0 sid=0x4 R 128 0x1000 -> translation-L1 cb0 ; <0x4c7f28>\n",
        "\nhw.fault 0.000110000 niso0 bank=0 fsr=0x2 fsynr0=0x11 far=0xdead0000 sid=0x4 ; ",
        "\nhw.fault 0.000116000 niso1 global fsr=0x2 fsynr0=0x0 far=0x0 sid=0x42 ; ",
        "# counts: smmu=13 mc=2 marks=1 dma=2 dma-faults=1 hw-faults=2 tables=3 left-out=2\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

TEST(TraceTest, FilesAreTheSameBytesEachTime) {
  for (const char* name : {"a.trace.zst", "a.trace"}) {
    const std::string path = TempPath(name);
    TraceError error;
    ASSERT_TRUE(WriteTrace(path, Small(), &error)) << error.Text();
    const std::string first = Slurp(path);
    ASSERT_TRUE(WriteTrace(path, Small(), &error)) << error.Text();
    EXPECT_EQ(Slurp(path), first);
    Trace trace;
    ASSERT_TRUE(ReadTrace(path, &trace, &error)) << error.Text();
    EXPECT_EQ(FormatTrace(trace), FormatTrace(Small()));
    unlink(path.c_str());
  }
}

TEST(TraceTest, AnEditedValueIsRefused) {
  const std::string text = Replace(FormatTrace(Small()), "0xfc017e80 ;", "0xfc017e81 ;");
  EXPECT_NE(ErrorOf(text).what.find("hash"), std::string::npos);
  const std::string head = Replace(FormatTrace(Small()), "Linux in QEMU, not a", "A real");
  EXPECT_NE(ErrorOf(head).what.find("hash"), std::string::npos);
}

TEST(TraceTest, ATruncatedTextNamesTheLine) {
  const std::string text = FormatTrace(Small());
  const std::string cut = text.substr(0, text.rfind("\nR ") + 1);
  EXPECT_NE(ErrorOf(cut).what.find("truncated"), std::string::npos);
  const TraceError middle = ErrorOf(text.substr(0, text.size() - 5));
  EXPECT_NE(middle.what.find("truncated"), std::string::npos);
  EXPECT_EQ(middle.line, LineOf(text, "R 4 0.000119000"));
}

TEST(TraceTest, ReorderedRecordsNameTheLine) {
  std::string text = FormatTrace(Small());
  const size_t a = text.find("W 4 0.000103001");
  const size_t b = text.find("W 4 0.000103002");
  const size_t end = text.find("\n", b) + 1;
  text = text.substr(0, a) + text.substr(b, end - b) + text.substr(a, b - a) + text.substr(end);
  const TraceError error = ErrorOf(Seal(text));
  EXPECT_EQ(error.line, LineOf(text, "W 4 0.000103001"));
  EXPECT_NE(error.what.find("reordered"), std::string::npos);
}

TEST(TraceTest, UnknownWordsAreNamed) {
  const std::string good = FormatTrace(Small());
  const std::pair<const char*, const char*> edits[] = {
      {"\nmark 0.000104000", "\nmask 0.000104000"},
      {"cpu0 niso0m +0xc04", "cpu0 niso7 +0xc04"},
      {"niso0m +0xc04 0x00010000", "niso0m 0xc04 0x00010000"},
      {"niso0m +0xc04 0x00010000", "niso0m +0xc04 0x100010000"},
      {"W 4 0.000103002", "W 3 0.000103002"},
      {"W 4 0.000103002", "W 4 0.0001"},
      {"-> translation-L1 cb0", "-> translation cb0"},
      {"-> translation-L1 cb0", "-> ok-L1 0x0 cb0"},
      {"-> translation-L1 cb0", "-> translation-L1 bank0"},
      {"niso0 bank=0 fsr", "niso0 bank=x fsr"},
      {"fsr=0x2 fsynr0=0x11", "fsynr0=0x11"},
      {" 511=0x80000040e80003", " 512=0x80000040e80003"},
      {"L0 0=0x80000040e7f003 511", "L0 511=0x80000040e7f003 511"},
      {"table 0x40e4b000 L0", "table 0x40e4b008 L0"},
      {"sid=0x42 ;", "sid=0x42 more ;"},
  };
  for (const auto& [from, to] : edits) {
    const std::string text = Seal(Replace(good, from, to));
    const TraceError error = ErrorOf(text);
    EXPECT_EQ(error.line, LineOf(good, from) + (from[0] == '\n')) << to << ": " << error.Text();
  }
}

TEST(TraceTest, TheHeadMustBeWholeAndWithoutLoss) {
  const std::string good = FormatTrace(Small());
  EXPECT_NE(ErrorOf(Replace(good, "# lost: 0", "# lost: 7")).what.find("lost 7"),
            std::string::npos);
  EXPECT_NE(ErrorOf(Replace(good, "# lost: 0\n", "")).what.find("'lost'"), std::string::npos);
  EXPECT_NE(ErrorOf(Replace(good, "# board: ", "# broad: ")).what.find("broad"), std::string::npos);
  EXPECT_NE(ErrorOf(Replace(good, "smmu=13", "smmu=14")).what.find("truncated"), std::string::npos);
}

TEST(TraceTest, EveryLineOfTheHeadIsThereOnceAndSaysSomething) {
  const std::string good = FormatTrace(Small());
  size_t lines = 0;
  for (size_t at = good.find("# machine"); good[at] == '#'; at = good.find('\n', at) + 1) {
    const std::string line = good.substr(at, good.find('\n', at) + 1 - at);
    const std::string key = line.substr(2, line.find(':') - 2);
    const std::string lacking = ErrorOf(Replace(good, line, "")).what;
    EXPECT_NE(lacking.find("'" + key + "'"), std::string::npos) << lacking;
    const TraceError twice = ErrorOf(Replace(good, line, line + line));
    EXPECT_EQ(twice.what, "the head has a second '" + key + "' line");
    EXPECT_EQ(twice.line, LineOf(good, line) + 1);
    EXPECT_EQ(ErrorOf(Replace(good, line, "# " + key + ":  \n")).what, "'" + key + "' is empty");
    ++lines;
  }
  EXPECT_EQ(lines, 11u);
  EXPECT_NE(good.find("# capture: not recorded\n# date: not recorded\n"), std::string::npos);
}

TEST(TraceTest, TheKernelsRamMustFitTheBoard) {
  const std::string good = FormatTrace(Small());
  const std::string ram = "# ram: 0x40000000-0xb0000000\n";
  const auto with = [&](const std::string& text) {
    return Seal(Replace(good, ram, "# ram: " + text + "\n"));
  };
  Trace trace;
  TraceError error;
  for (const char* text : {"0x40000000-0x40001000", "0x40000000-0x80000000,0x80000000-0xb0000000",
                           "0x40000000-0x50000000, 0x60000000-0x70000000"}) {
    EXPECT_TRUE(ParseTrace(with(text), &trace, &error)) << text << ": " << error.Text();
  }
  for (const char* text :
       {"0x3ffff000-0xb0000000", "0x40000000-0xb0001000", "0x40000000-0x100000000",
        "0x40000000-0xb0000000,0x100000000-0x100001000", "0xb0000000-0xb1000000"}) {
    EXPECT_NE(ErrorOf(with(text)).what.find("is not RAM of the host"), std::string::npos) << text;
  }
  for (const char* text : {"much", "0x40000000", "0x40000000-", "0x40000000-0x40000000",
                           "0x50000000-0x40000000", "40000000-50000000", "0x40000000-0xb0000000,",
                           "0x40000000-0xb0000000x", "0x40000000-0x10000000000000000"}) {
    EXPECT_NE(ErrorOf(with(text)).what.find("not a range"), std::string::npos) << text;
  }
}

TEST(TraceTest, AnUnknownBoardIsRefused) {
  const std::string good = FormatTrace(Small());
  const std::string text = Seal(Replace(good, "# board: tegra234-virt", "# board: nonesuch"));
  EXPECT_EQ(ErrorOf(text).what, "no board is called 'nonesuch'");
}

TEST(TraceTest, NothingToReplayIsRefused) {
  Trace trace = Small();
  std::erase_if(trace.records, [](const Record& record) {
    return !std::holds_alternative<MarkRecord>(record.body);
  });
  ASSERT_EQ(trace.records.size(), 1u);
  EXPECT_NE(ErrorOf(FormatTrace(trace)).what.find("nothing to replay"), std::string::npos);
  trace.records.clear();
  EXPECT_NE(ErrorOf(FormatTrace(trace)).what.find("nothing to replay"), std::string::npos);
}

TEST(TraceTest, ControlCharactersAreRefused) {
  const std::string good = FormatTrace(Small());
  for (const char* edit : {"6.12\x1b[2J", "6.12\r", "6.12\x7f"}) {
    const TraceError error = ErrorOf(Seal(Replace(good, "6.12", edit)));
    EXPECT_NE(error.what.find("control character"), std::string::npos);
    EXPECT_EQ(error.line, LineOf(good, "# kernel"));
  }
  const TraceError error = ErrorOf(Seal(Replace(good, "<xfer>", "<xf\x1b]0;er>")));
  EXPECT_EQ(error.line, LineOf(good, "<xfer>"));
}

TEST(TraceTest, ForeignFilesAreRefused) {
  for (const char* text : {"", "# sidewall-trace v2\n", "seq,instance\n",
                           "\x7f"
                           "ELF"}) {
    EXPECT_NE(ErrorOf(text).what.find("not a trace"), std::string::npos) << text;
  }
}

TEST(TraceTest, DamagedZstdIsRefused) {
  const std::string path = TempPath("damaged.trace.zst");
  TraceError error;
  ASSERT_TRUE(WriteTrace(path, Small(), &error));
  const std::string good = Slurp(path);
  Trace trace;
  for (size_t at : {good.size() / 2, good.size() - 2, size_t{5}}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x55);
    Spill(path, bad);
    EXPECT_FALSE(ReadTrace(path, &trace, &error)) << at;
    EXPECT_NE(error.Text().find(path), std::string::npos);
  }
  for (size_t size = 1; size < good.size(); size += 7) {
    Spill(path, good.substr(0, size));
    EXPECT_FALSE(ReadTrace(path, &trace, &error)) << size;
  }
  Spill(path, good + "tail");
  EXPECT_FALSE(ReadTrace(path, &trace, &error));
  unlink(path.c_str());
}

TEST(TraceTest, WhatCannotBeWrittenLeavesNothing) {
  TraceError error;
  EXPECT_FALSE(WriteTrace("/nonexistent/folder/a.trace.zst", Small(), &error));
  EXPECT_NE(error.Text().find("/nonexistent/folder"), std::string::npos);
  Trace trace;
  EXPECT_FALSE(ReadTrace("/nonexistent/a.trace", &trace, &error));
}

mode_t ModeOf(const std::string& path) {
  struct stat status = {};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode : 0;
}

TEST(TraceTest, AReplacedFileKeepsItsMode) {
  const std::string path = TempPath("mode.trace");
  Spill(path, "old");
  TraceError error;
  for (mode_t mode : {0640u, 0604u}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    ASSERT_TRUE(WriteTrace(path, Small(), &error)) << error.Text();
    EXPECT_EQ(ModeOf(path), S_IFREG | mode);
    EXPECT_EQ(Slurp(path), FormatTrace(Small()));
  }
  unlink(path.c_str());
}

TEST(TraceTest, ASymbolicLinkStaysOne) {
  const std::string folder = TempPath("links");
  std::filesystem::create_directories(folder + "/there");
  const std::string link = folder + "/link.trace";
  const std::string file = folder + "/there/file.trace";
  std::filesystem::create_symlink("there/second.trace", link);
  std::filesystem::create_symlink("file.trace", folder + "/there/second.trace");
  TraceError error;
  for (const char* state : {"dangling", "leading to a file"}) {
    ASSERT_TRUE(WriteTrace(link, Small(), &error)) << error.Text();
    EXPECT_TRUE(S_ISLNK(ModeOf(link))) << state;
    EXPECT_TRUE(S_ISLNK(ModeOf(folder + "/there/second.trace"))) << state;
    EXPECT_EQ(Slurp(file), FormatTrace(Small())) << state;
    Spill(file, "old");
  }
  std::filesystem::create_symlink("loop.trace", folder + "/loop.trace");
  EXPECT_FALSE(WriteTrace(folder + "/loop.trace", Small(), &error));
  EXPECT_TRUE(S_ISLNK(ModeOf(folder + "/loop.trace")));
  std::filesystem::remove_all(folder);
}

// Nothing here leads out of the folder: a wrong writer that runs as root would replace a real
// device.
TEST(TraceTest, WhatIsNoRegularFileIsWrittenToAndStays) {
  const std::string folder = TempPath("special");
  std::filesystem::create_directories(folder + "/folder.trace");
  const std::string fifo = folder + "/fifo.trace";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  // Open for reading and writing, so that neither side waits for the other, whatever is wrong.
  const int reader = open(fifo.c_str(), O_RDWR | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  std::filesystem::create_symlink("fifo.trace", folder + "/link.trace");
  const std::string wanted = FormatTrace(Small());
  TraceError error;
  for (const char* name : {"/fifo.trace", "/link.trace"}) {
    EXPECT_TRUE(WriteTrace(folder + name, Small(), &error)) << error.Text();
    std::string got(wanted.size() + 1, '\0');
    got.resize(static_cast<size_t>(std::max<ssize_t>(0, read(reader, got.data(), got.size()))));
    EXPECT_EQ(got, wanted) << name;
    EXPECT_TRUE(S_ISFIFO(ModeOf(fifo))) << name;
  }
  EXPECT_TRUE(S_ISLNK(ModeOf(folder + "/link.trace")));
  close(reader);
  EXPECT_FALSE(WriteTrace(folder + "/folder.trace", Small(), &error));
  EXPECT_NE(error.what.find("cannot be written"), std::string::npos);
  EXPECT_TRUE(S_ISDIR(ModeOf(folder + "/folder.trace")));
  std::filesystem::remove_all(folder);
}

TEST(TraceTest, EveryFaultThatIsReadHasOneCause) {
  const std::string good = FormatTrace(Small());
  const std::string dma = good.substr(good.find("dma 0.000107000"));
  const std::string row = dma.substr(0, dma.find('\n') + 1);
  std::string none = Replace(Replace(good, row, ""), "dma=2 dma-faults=1", "dma=1 dma-faults=0");
  const TraceError lacking = ErrorOf(Seal(none));
  EXPECT_NE(lacking.what.find("no cause"), std::string::npos) << lacking.what;
  EXPECT_EQ(lacking.line, LineOf(none, "R 4 0.000108000"));
  std::string two =
      Replace(Replace(good, row,
                      row + "hw.fault 0.000107500 niso0 bank=0 fsr=0x2 fsynr0=0x0 far=0x0 "
                            "sid=0x4\n"),
              "hw-faults=2", "hw-faults=3");
  EXPECT_NE(ErrorOf(Seal(two)).what.find("two causes"), std::string::npos);
}

std::string ImportError(const std::string& from, const std::string& to, bool tables = false) {
  const std::string path = TempPath("edited.csv");
  Spill(path, Replace(Slurp(tables ? kTables : kAccesses), from, to));
  ImportOptions options = SmallOptions();
  (tables ? options.tables : options.accesses) = path;
  Trace trace;
  TraceError error;
  EXPECT_FALSE(ImportRecorder(options, &trace, &error)) << to;
  unlink(path.c_str());
  return error.Text();
}

TEST(ImportTest, BadRowsAreNamed) {
  EXPECT_NE(ImportError("\n3,niso0", "\n4,niso0").find(":5: seq is 4"), std::string::npos);
  EXPECT_NE(ImportError("103.002", "103.001").find(":6: "), std::string::npos);
  EXPECT_NE(ImportError("seq,instance", "sequence,instance").find(":1: "), std::string::npos);
  EXPECT_NE(ImportError("mc_bcast,0x4,W,4", "mc_bcast,0x4,X,4").find(":3: "), std::string::npos);
  EXPECT_NE(ImportError("0x2c10004", "0x3c10004").find("no window"), std::string::npos);
  EXPECT_NE(ImportError("niso0:0x3:ok:cb2", "niso0:0x3:okay:cb2").find(":10: "), std::string::npos);
  EXPECT_NE(ImportError("mark,0x18", "mark,0x20").find("offset 0x20"), std::string::npos);
  EXPECT_NE(ImportError("niso1,0x48,R,4,0x2", "niso1,0x48,R,4,0x0").find("never reads it"),
            std::string::npos);
  EXPECT_NE(ImportError("xfer\n9,dma", "xfer").find(":10: "), std::string::npos);
  EXPECT_NE(ImportError("0,511,0x80000040e80003", "0,512,0x80000040e80003", true).find(":4: "),
            std::string::npos);
  EXPECT_NE(ImportError("\n8,0x40e73000", "\n4,0x40e73000", true).find(":5: "), std::string::npos);
}

std::string OptionsError(void (*change)(ImportOptions&)) {
  ImportOptions options = SmallOptions();
  change(options);
  Trace trace;
  TraceError error;
  EXPECT_FALSE(ImportRecorder(options, &trace, &error));
  return error.Text();
}

TEST(ImportTest, WhatItWasCapturedOnMustBeSaid) {
  const std::string text = OptionsError([](ImportOptions& o) { o.machine.clear(); });
  EXPECT_NE(text.find("captured on"), std::string::npos) << text;
  EXPECT_NE(text.find("give --machine="), std::string::npos) << text;
}

TEST(ImportTest, OptionsThatWouldNotBeReadBackAreRefused) {
  using Options = ImportOptions&;
  const std::pair<void (*)(Options), const char*> bad[] = {
      {[](Options o) { o.kernel = "6.12\n# lost: 0"; }, "--kernel has a control character"},
      {[](Options o) { o.machine += "\x1b[m"; }, "--machine has a control character"},
      {[](Options o) { o.date = "today\t"; }, "--date has a control character"},
      {[](Options o) { o.capture = "\x7f"; }, "--capture has a control character"},
      {[](Options o) { o.ram = "\r"; }, "--ram has a control character"},
      {[](Options o) { o.ram = "all"; }, "could not be read back: 'all' in 'ram'"},
      {[](Options o) { o.ram = "0x40000000-0xc0000000"; }, "is not RAM of the host"},
      {[](Options o) { o.kernel = ""; }, "'kernel' is empty"},
      {[](Options o) { o.date = " "; }, "'date' is empty"},
      {[](Options o) { o.board = "nonesuch"; }, "no board is called nonesuch"}};
  for (const auto& [change, words] : bad) {
    const std::string text = OptionsError(change);
    EXPECT_NE(text.find(words), std::string::npos) << text;
  }
}

TEST(ImportTest, RowsThatWouldNotBeReadBackAreRefused) {
  EXPECT_NE(ImportError("0xfc017e80", "0x1fc017e80").find("read back"), std::string::npos);
  EXPECT_NE(ImportError("arm_smmu_write_s2cr", "arm_\x1b").find("read back"), std::string::npos);
  EXPECT_NE(ImportError("101.192,0,", "101.192,256,").find(":3: "), std::string::npos);
}

TEST(ImportTest, ATraceWithLossIsMadeButNeverRead) {
  ImportOptions options = SmallOptions();
  options.lost = 3;
  Trace trace;
  TraceError error;
  ASSERT_TRUE(ImportRecorder(options, &trace, &error)) << error.Text();
  EXPECT_EQ(trace.head.lost, 3u);
  EXPECT_NE(ErrorOf(FormatTrace(trace)).what.find("lost 3"), std::string::npos);
}

}  // namespace
}  // namespace sidewall::replay
