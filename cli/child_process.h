// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A program that runs beside this one and is listened to while it does.
//
//     ChildProcess child({"board_fuzzer", "-runs=100"}, {"SIDEWALL_BOARD=tiny"});
//     ... poll and read child.fd() until it ends ...
//     int code = child.Wait();
#ifndef SIDEWALL_CLI_CHILD_PROCESS_H_
#define SIDEWALL_CLI_CHILD_PROCESS_H_

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "cli/environment.h"

extern char** environ;

namespace sidewall::cli {

// Both output streams come through one descriptor; standard input is empty. The settings given
// replace those of the same name in the environment. A child that still runs is killed with it.
class ChildProcess {
 public:
  ChildProcess(const std::vector<std::string>& command,
               const std::vector<std::string>& environment) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw EnvironmentError(std::strerror(errno));
    std::vector<std::string> all = environment;
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string_view name = std::string_view(*entry).substr(0, std::strcspn(*entry, "="));
      const bool ours = std::any_of(environment.begin(), environment.end(), [&](const auto& e) {
        return e.size() > name.size() && e[name.size()] == '=' && e.starts_with(name);
      });
      if (!ours) all.push_back(*entry);
    }
    std::vector<char*> argv = Pointers(command);
    std::vector<char*> envp = Pointers(all);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    const int error = posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    fd_ = ends[0];
    if (error != 0) {
      close(fd_);
      throw EnvironmentError(command[0] + ": " + std::strerror(error));
    }
  }
  ~ChildProcess() {
    if (!ended_) {
      Stop(SIGKILL);
      Wait();
    }
    close(fd_);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  int fd() const { return fd_; }
  void Stop(int signal) const { kill(pid_, signal); }
  // After its output has ended.
  int Wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    ended_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  static std::vector<char*> Pointers(const std::vector<std::string>& words) {
    std::vector<char*> pointers;
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    return pointers;
  }

  pid_t pid_ = -1;
  int fd_ = -1;
  bool ended_ = false;
};

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_CHILD_PROCESS_H_
