// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "fuzz/program_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

namespace sidewall::fuzz {
namespace {

namespace fs = std::filesystem;

// 65536 events of text are below this; what is larger is another kind of file.
constexpr size_t kMaxFileSize = size_t{64} << 20;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

bool Fail(std::string* problem, const std::string& path, const std::string& what) {
  *problem = path + ": " + what;
  return false;
}

}  // namespace

bool ReadFile(const std::string& path, std::string* bytes, std::string* problem) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return Fail(problem, path, "is a folder, not a file");
  const File file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return Fail(problem, path, std::strerror(errno));
  bytes->clear();
  char buffer[65536];
  size_t count = 0;
  while ((count = std::fread(buffer, 1, sizeof(buffer), file.get())) > 0) {
    bytes->append(buffer, count);
    if (bytes->size() > kMaxFileSize) return Fail(problem, path, "is too large for a program");
  }
  if (std::ferror(file.get()) != 0) return Fail(problem, path, "cannot be read");
  return true;
}

bool WriteFile(const std::string& path, std::string_view bytes, std::string* problem) {
  const std::string temporary = path + ".tmp" + std::to_string(getpid());
  {
    File file(std::fopen(temporary.c_str(), "wb"));
    if (file == nullptr) return Fail(problem, path, std::strerror(errno));
    const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
    // Closing is what meets a full disc, so it is part of the writing.
    const bool closed = std::fclose(file.release()) == 0;
    if (!written || !closed) {
      const std::string why = std::strerror(errno);
      std::remove(temporary.c_str());
      return Fail(problem, path, why);
    }
  }
  if (std::rename(temporary.c_str(), path.c_str()) == 0) return true;
  const std::string why = std::strerror(errno);
  std::remove(temporary.c_str());
  return Fail(problem, path, why);
}

bool IsBinaryProgram(std::string_view bytes) { return bytes.starts_with("SWP1"); }

std::string ErrorText(const std::string& path, const ParseError& error) {
  return path + ":" + std::to_string(error.line) + ":" + std::to_string(error.column) + ": " +
         error.what + " (" + error.hint + ")";
}

bool ParseProgram(std::string_view bytes, const std::string& path, Program* program,
                  std::string* problem) {
  if (IsBinaryProgram(bytes)) {
    std::string why;
    auto decoded = Decode(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), &why);
    if (!decoded.has_value()) return Fail(problem, path, "binary program " + why);
    *program = std::move(*decoded);
    return true;
  }
  ParseError error;
  if (ParseText(bytes, program, &error)) return true;
  *problem = ErrorText(path, error);
  return false;
}

bool LoadProgram(const std::string& path, Program* program, std::string* problem) {
  std::string bytes;
  return ReadFile(path, &bytes, problem) && ParseProgram(bytes, path, program, problem);
}

bool FindPrograms(const std::vector<std::string>& paths, std::vector<std::string>* files,
                  std::string* problem) {
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::exists(path, error)) return Fail(problem, path, "no such file or folder");
    if (!fs::is_directory(path, error)) {
      files->push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (fs::recursive_directory_iterator it(path, error), end; !error && it != end;
         it.increment(error)) {
      const std::string extension = it->path().extension();
      if (extension == ".sw" || extension == ".swb") found.push_back(it->path());
    }
    if (error) return Fail(problem, path, error.message());
    std::sort(found.begin(), found.end());
    files->insert(files->end(), found.begin(), found.end());
  }
  return true;
}

}  // namespace sidewall::fuzz
