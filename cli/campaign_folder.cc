// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "cli/campaign_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "cli/environment.h"

namespace sidewall::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kMarker[] = ".sidewall-campaign";
constexpr const char* kParts[] = {"corpus", "afl", "artifacts", "findings"};

[[noreturn]] void Refuse(const fs::path& path, const std::string& why) {
  throw UsageError("cannot write to " + path.string() + ": " + why +
                   "; name another folder with --out=DIR");
}

void MustBeWritable(const fs::path& path) {
  if (access(path.c_str(), W_OK | X_OK) != 0) Refuse(path, std::strerror(errno));
}

// Nothing is changed here: what is wrong is said first.
void Check(const fs::path& path) {
  const fs::file_status status = fs::status(path);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) Refuse(path, "it is not a folder");
  MustBeWritable(path);
  if (!fs::is_empty(path) && !fs::exists(path / kMarker)) {
    Refuse(path, std::string("it is not empty, and no campaign made it (there is no ") + kMarker +
                     " in it)");
  }
  for (const char* part : kParts) {
    const fs::file_status inner = fs::symlink_status(path / part);
    if (!fs::exists(inner)) continue;
    if (!fs::is_directory(inner)) Refuse(path / part, "it is not a folder");
    MustBeWritable(path / part);
  }
}

}  // namespace

CampaignFolder::CampaignFolder(fs::path path) : path_(std::move(path)) {
  try {
    Check(path_);
    fs::create_directories(path_);
  } catch (const fs::filesystem_error& error) {
    Refuse(path_, error.code().message());
  }
  lock_ = open((path_ / kMarker).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (lock_ < 0) Refuse(path_, std::strerror(errno));
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    const std::string why =
        errno == EWOULDBLOCK ? "another campaign is running in it" : std::strerror(errno);
    close(lock_);
    Refuse(path_, why);
  }
}

CampaignFolder::~CampaignFolder() { close(lock_); }

void CampaignFolder::Clear(const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    try {
      fs::remove_all(path_ / name);
      fs::create_directories(path_ / name);
    } catch (const fs::filesystem_error& error) {
      Refuse(path_ / name, error.code().message());
    }
  }
}

}  // namespace sidewall::cli
