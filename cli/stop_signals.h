// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// While one of these lives, Ctrl-C and SIGTERM are counted instead of ending the process, so that
// what was found is still reported.
//
//     StopSignals signals;
//     while (signals.count() == 0) Work();
#ifndef SIDEWALL_CLI_STOP_SIGNALS_H_
#define SIDEWALL_CLI_STOP_SIGNALS_H_

#include <signal.h>

namespace sidewall::cli {

class StopSignals {
 public:
  StopSignals() {
    count_ = 0;
    struct sigaction action = {};
    action.sa_handler = [](int) { count_ = count_ + 1; };
    sigaction(SIGINT, &action, &interrupt_);
    sigaction(SIGTERM, &action, &terminate_);
  }
  ~StopSignals() {
    sigaction(SIGINT, &interrupt_, nullptr);
    sigaction(SIGTERM, &terminate_, nullptr);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  int count() const { return count_; }

 private:
  static inline volatile sig_atomic_t count_ = 0;
  struct sigaction interrupt_ = {};
  struct sigaction terminate_ = {};
};

}  // namespace sidewall::cli

#endif  // SIDEWALL_CLI_STOP_SIGNALS_H_
