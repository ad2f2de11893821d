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
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "cli/environment.h"

extern char** environ;

namespace sidewall::cli {

// Both output streams come through one descriptor; standard input is empty. The settings given
// replace those of the same name in the environment. A child that still runs is killed with it, and
// ended when this process is. It leads a process group of its own: Ctrl-C does not reach it.
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
    int failure[2];
    if (pipe2(failure, O_CLOEXEC) != 0) {
      const int error = errno;
      close(ends[0]);
      close(ends[1]);
      throw EnvironmentError(std::strerror(error));
    }
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ == 0) {
      Become(argv.data(), envp.data(), ends[1], parent);
      const int error = errno;
      if (write(failure[1], &error, sizeof(error)) < 0) _exit(126);
      _exit(127);
    }
    int error = pid_ < 0 ? errno : 0;
    close(ends[1]);
    close(failure[1]);
    fd_ = ends[0];
    // A program that starts closes the pipe without a word.
    while (pid_ > 0 && read(failure[0], &error, sizeof(error)) < 0 && errno == EINTR) {
    }
    close(failure[0]);
    if (error != 0) {
      if (pid_ > 0) Wait();
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
  // Reaches what the program itself has started, too.
  void Stop(int signal) const {
    if (kill(-pid_, signal) != 0) kill(pid_, signal);
  }
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

  // In the child, which must not outlive its parent. Comes back when there is no such program.
  static void Become(char* const* argv, char* const* envp, int output, pid_t parent) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(126);
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
    const int input = open("/dev/null", O_RDONLY);
    if (input >= 0) dup2(input, STDIN_FILENO);
    if (input > STDERR_FILENO) close(input);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execvpe(argv[0], argv, envp);
  }

  pid_t pid_ = -1;
  int fd_ = -1;
  bool ended_ = false;
};

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_CHILD_PROCESS_H_
