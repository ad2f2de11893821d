// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "replay/trace.h"

namespace sidewall::replay {
namespace {

constexpr const char* kAgainHint = "fetch the file again, or import it again from its source";
constexpr char kZstdMagic[] = {'\x28', '\xb5', '\x2f', '\xfd'};
constexpr int kLevel = 19;
// A trace of ten million rows; what is larger than this is not a trace but an attack on memory.
constexpr size_t kMaxText = size_t{1} << 30;
constexpr int kMaxLinks = 40;              // as the kernel's own limit
constexpr mode_t kUnchanged = ~mode_t{0};  // the mode that a new file gets anyway

struct FileCloser {
  void operator()(FILE* file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, FileCloser>;

struct ContextFree {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

bool Fail(TraceError* error, std::string what, std::string hint) {
  error->line = 0;
  error->what = std::move(what);
  error->hint = std::move(hint);
  return false;
}

// Inflates a stream of frames piece by piece.
class Inflater {
 public:
  Inflater() : context_(ZSTD_createDCtx()), piece_(ZSTD_DStreamOutSize(), '\0') {}

  bool Feed(std::string_view data, std::string* text, TraceError* error) {
    ZSTD_inBuffer in = {data.data(), data.size(), 0};
    while (in.pos < in.size) {
      ZSTD_outBuffer out = {piece_.data(), piece_.size(), 0};
      wanted_ = ZSTD_decompressStream(context_.get(), &out, &in);
      if (ZSTD_isError(wanted_)) {
        return Fail(error,
                    fmt::format("corrupt zstd data near byte {}: {}", consumed_ + in.pos,
                                ZSTD_getErrorName(wanted_)),
                    kAgainHint);
      }
      text->append(piece_.data(), out.pos);
      if (text->size() > kMaxText) return Fail(error, "more than 1 GiB of text", kAgainHint);
    }
    consumed_ += data.size();
    return true;
  }
  bool finished() const { return wanted_ == 0; }

 private:
  std::unique_ptr<ZSTD_DCtx, ContextFree> context_;
  std::string piece_;
  size_t wanted_ = 0;
  size_t consumed_ = 0;
};

bool ReadText(FILE* file, std::string* text, TraceError* error) {
  std::string piece(ZSTD_DStreamInSize(), '\0');
  Inflater inflater;
  bool first = true;
  bool packed = false;
  size_t got = 0;
  while ((got = fread(piece.data(), 1, piece.size(), file)) != 0) {
    const std::string_view data(piece.data(), got);
    if (first) packed = data.starts_with(std::string_view(kZstdMagic, sizeof(kZstdMagic)));
    first = false;
    if (packed) {
      if (!inflater.Feed(data, text, error)) return false;
    } else {
      text->append(data);
    }
    if (text->size() > kMaxText) return Fail(error, "more than 1 GiB of text", kAgainHint);
  }
  if (ferror(file) != 0) {
    return Fail(error, fmt::format("cannot be read: {}", strerror(errno)), "check the disk");
  }
  if (packed && !inflater.finished()) {
    return Fail(error, "the file ends in the middle of its zstd data: truncated", kAgainHint);
  }
  return true;
}

bool Pack(const std::string& text, std::string* packed, TraceError* error) {
  const std::unique_ptr<ZSTD_CCtx, ContextFree> context(ZSTD_createCCtx());
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  packed->resize(ZSTD_compressBound(text.size()));
  const size_t size =
      ZSTD_compress2(context.get(), packed->data(), packed->size(), text.data(), text.size());
  if (ZSTD_isError(size)) return Fail(error, ZSTD_getErrorName(size), "report this");
  packed->resize(size);
  return true;
}

// All of `data`, and the descriptor closed. Returns 0 or the error.
int WriteAll(int descriptor, std::string_view data) {
  int code = descriptor < 0 ? errno : 0;
  while (code == 0 && !data.empty()) {
    const ssize_t done = write(descriptor, data.data(), data.size());
    if (done >= 0) {
      data.remove_prefix(static_cast<size_t>(done));
    } else if (errno != EINTR) {
      code = errno;
    }
  }
  if (descriptor >= 0 && close(descriptor) != 0 && code == 0) code = errno;
  return code;
}

// A terminal, pipe or device stays what it is.
int WriteThrough(const std::string& path, std::string_view data) {
  return WriteAll(open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY), data);
}

// What `path` leads to, which need not exist. Returns 0 or the error.
int FollowLinks(const std::string& path, std::string* target) {
  std::filesystem::path at = path;
  std::error_code code;
  for (int links = 0; links < kMaxLinks; ++links) {
    if (!std::filesystem::is_symlink(std::filesystem::symlink_status(at, code))) {
      *target = at.string();
      return 0;
    }
    const std::filesystem::path next = std::filesystem::read_symlink(at, code);
    if (code) return code.value();
    at = at.parent_path() / next;
  }
  return ELOOP;
}

// A new file takes the place of `path`. Returns 0 or the error.
int ReplaceFile(const std::string& path, mode_t mode, std::string_view data) {
  const std::string part = fmt::format("{}.part{}", path, getpid());
  const int descriptor = open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) return errno;
  int code = mode != kUnchanged && fchmod(descriptor, mode) != 0 ? errno : 0;
  const int written = WriteAll(descriptor, data);
  if (code == 0) code = written;
  if (code == 0 && rename(part.c_str(), path.c_str()) != 0) code = errno;
  if (code != 0) unlink(part.c_str());
  return code;
}

}  // namespace

bool ReadTrace(const std::string& path, Trace* trace, TraceError* error) {
  error->file = path;
  const File file(fopen(path.c_str(), "rb"));
  if (file == nullptr) {
    return Fail(error, fmt::format("cannot be opened: {}", strerror(errno)),
                "name a .trace or .trace.zst file; corpus/traces has some");
  }
  std::string text;
  return ReadText(file.get(), &text, error) && ParseTrace(text, trace, error);
}

bool WriteTrace(const std::string& path, const Trace& trace, TraceError* error) {
  error->file = path;
  std::string data = FormatTrace(trace);
  if (path.ends_with(".zst")) {
    std::string packed;
    if (!Pack(data, &packed, error)) return false;
    data = std::move(packed);
  }
  struct stat status = {};
  const bool exists = stat(path.c_str(), &status) == 0;
  int code = 0;
  if (exists && !S_ISREG(status.st_mode)) {
    code = WriteThrough(path, data);
  } else {
    std::string target;
    code = FollowLinks(path, &target);
    if (code == 0) code = ReplaceFile(target, exists ? status.st_mode & 0777 : kUnchanged, data);
  }
  return code == 0 || Fail(error, fmt::format("cannot be written: {}", strerror(code)),
                           "choose a folder that you may write to, with room on the disk");
}

}  // namespace sidewall::replay
