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

// Takes the file and closes it, since closing is what meets a full disc.
bool Fill(std::FILE* file, const std::string& path, std::string_view bytes, std::string* problem) {
  if (file == nullptr) return Fail(problem, path, std::strerror(errno));
  errno = 0;
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  const int first = errno;
  const bool closed = std::fclose(file) == 0;
  if (written && closed) return true;
  return Fail(problem, path, std::strerror(written ? errno : first));
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
  std::error_code error;
  const bool link = fs::is_symlink(path, error);
  const fs::file_status status = fs::status(path, error);
  const bool there = fs::exists(status);
  if (fs::is_directory(status)) return Fail(problem, path, "is a folder, not a file");
  // A device or a pipe is written to and stays what it is. A link to nothing makes what it names.
  if (there ? !fs::is_regular_file(status) : link) {
    return Fill(std::fopen(path.c_str(), "wb"), path, bytes, problem);
  }
  const fs::path target = fs::weakly_canonical(path, error);
  if (error) return Fail(problem, path, error.message());
  const std::string temporary = target.string() + ".tmp" + std::to_string(getpid());
  // "x" since a file that somebody else put there must not be written through.
  std::FILE* file = std::fopen(temporary.c_str(), "wbx");
  if (file == nullptr) return Fail(problem, path, std::strerror(errno));
  if (there) fs::permissions(temporary, status.permissions(), error);
  bool done = Fill(file, path, bytes, problem);
  if (done && std::rename(temporary.c_str(), target.c_str()) != 0) {
    done = Fail(problem, path, std::strerror(errno));
  }
  if (!done) std::remove(temporary.c_str());
  return done;
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

bool ErrorAtEvent(const std::string& path, size_t index, const std::string& what,
                  const std::string& hint, std::string* problem) {
  std::string bytes;
  if (!ReadFile(path, &bytes, problem) || IsBinaryProgram(bytes)) return false;
  ParseError place;
  if (!FindEvent(bytes, index, &place.line, &place.column)) return false;
  place.what = what;
  place.hint = hint;
  *problem = ErrorText(path, place);
  return true;
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
