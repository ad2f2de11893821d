// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/environment.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace sidewall::cli {
namespace {

namespace fs = std::filesystem;

fs::path EmptyFolder(const std::string& name) {
  fs::path folder = fs::path(testing::TempDir()) / name;
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

TEST(Environment, SourceRootIsWhatTheScriptSays) {
  const std::string before = SourceRoot().string();
  unsetenv("SIDEWALL_ROOT");
  EXPECT_THROW(SourceRoot(), EnvironmentError);
  setenv("SIDEWALL_ROOT", "", 1);
  EXPECT_THROW(SourceRoot(), EnvironmentError);
  setenv("SIDEWALL_ROOT", before.c_str(), 1);
  EXPECT_TRUE(fs::exists(SourceRoot() / "driver/include/sidewall/driver.h"));
}

TEST(Environment, FileThatCannotBeReadIsNamed) {
  fs::path folder = EmptyFolder("environment_read");
  try {
    ReadTextFile(folder / "absent.sw");
    FAIL() << "an absent file was read";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("absent.sw"), std::string::npos);
  }
  EXPECT_THROW(ReadTextFile(folder), UsageError);
}

TEST(Environment, FileIsReadByteForByte) {
  fs::path path = EmptyFolder("environment_bytes") / "x.sw";
  const std::string bytes("a\r\n\0b", 5);
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(ReadTextFile(path), bytes);
  EXPECT_EQ(ReadTextFile(path, 5), bytes);
}

TEST(Environment, FileThatIsTooLongIsNotReadToItsEnd) {
  try {
    ReadTextFile("/dev/zero", 1000);
    FAIL() << "a file without an end was read";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("/dev/zero: longer than 1000 bytes"),
              std::string::npos);
  }
}

TEST(Environment, FilesOfAFolderAreSortedAndFiltered) {
  fs::path folder = EmptyFolder("environment_list");
  fs::create_directory(folder / "folder.sw");
  for (const char* name : {"b.sw", "a.sw", "a.txt"}) std::ofstream(folder / name) << "x";
  std::vector<fs::path> files = FilesIn(folder, ".sw");
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].filename(), "a.sw");
  EXPECT_EQ(files[1].filename(), "b.sw");
  EXPECT_TRUE(FilesIn(folder / "absent", ".sw").empty());
}

TEST(Environment, VariantThatWasNotBuiltSaysWhatToBuild) {
  try {
    DriverVariant("SB999");
    FAIL() << "there is no such variant";
  } catch (const EnvironmentError& error) {
    EXPECT_NE(std::string(error.what()).find("sidewall-tools"), std::string::npos);
  }
}

}  // namespace
}  // namespace sidewall::cli
