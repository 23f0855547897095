// holdfast-guard: runs one command so that neither it nor anything it starts can outlive the node.
//
//   holdfast-guard DIRECTORY MEMORY COMMAND [ARGUMENT…]      ("" as DIRECTORY: stay; MEMORY in bytes, 0: no limit)
//
// Descriptors given by the node:
//   0, 1, 2  the command's standard streams
//   3        lifeline: the read end of a pipe whose only writer is the node; its end means that the node has gone or
//            wants everything killed at once
//   4        report: "pid N\n" once forked; "fork N\n", "directory N\n" or "command N\n" (an errno) if that is why
//            the command could not be run; end of file once it runs
//
// SIGTERM, SIGINT and SIGHUP go on to the command's process group. When the command ends, whatever it left behind is
// killed and the guard ends with the same status. The guard is a subreaper: a descendant whose parent dies becomes its
// child, also if it left the group or the session, so that it can be found.
//
// Plain system calls only, one thread. The parent-death signal is of no use between node and guard (the kernel sends
// it when the *thread* that forked ends); between guard and command it is, and covers a SIGKILL of the guard itself.

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace {

constexpr int lifeline_fd = 3, report_fd = 4;
constexpr int not_run_status = 127;
constexpr int kill_rounds_max = 1000;  // 5 ms each
constexpr std::size_t processes_max = 65536;

struct process {
  pid_t id, parent;
};

process table[processes_max];
pid_t ancestors[processes_max];

void report(const char* word, long value) {
  char line[32];
  int size = std::snprintf(line, sizeof line, "%s %ld\n", word, value);
  while (write(report_fd, line, static_cast<std::size_t>(size)) < 0 && errno == EINTR) {
  }
}

/// Of each process by itself: what it writes to and nobody else sees (RLIMIT_DATA), not what it has only reserved.
void limit_memory(const char* bytes) {
  const auto most = static_cast<rlim_t>(std::strtoull(bytes, nullptr, 10));
  if (most == 0) return;
  const rlimit limit{most, most};
  setrlimit(RLIMIT_DATA, &limit);
}

[[noreturn]] void run_command(const char* directory, const char* memory, char** command, pid_t guard) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != guard) _exit(not_run_status);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (*directory != '\0' && chdir(directory) != 0) {
    report("directory", errno);
    _exit(not_run_status);
  }
  limit_memory(memory);
  execvp(command[0], command);
  report("command", errno);
  _exit(not_run_status);
}

/// The parent of a process, or 0.
pid_t parent_of(const char* id) {
  char path[64], text[512];
  std::snprintf(path, sizeof path, "/proc/%s/stat", id);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return 0;
  text[size] = '\0';
  // The second field is the name in parentheses, which may itself hold any character.
  const char* after_name = std::strrchr(text, ')');
  char state;
  int parent;
  if (after_name == nullptr || std::sscanf(after_name + 1, " %c %d", &state, &parent) != 2) return 0;
  return parent;
}

std::size_t read_processes() {
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return 0;
  std::size_t count = 0;
  while (dirent* entry = readdir(proc)) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || count == processes_max) continue;
    pid_t parent = parent_of(entry->d_name);
    if (parent > 0) table[count++] = {static_cast<pid_t>(std::atol(entry->d_name)), parent};
  }
  closedir(proc);
  return count;
}

/// Sends SIGKILL to every descendant that exists now.
void kill_descendants() {
  const std::size_t count = read_processes();
  std::size_t found = 0;
  ancestors[found++] = getpid();
  for (std::size_t next = 0; next < found; ++next) {
    for (std::size_t i = 0; i < count && found < processes_max; ++i) {
      if (table[i].parent != ancestors[next]) continue;
      ancestors[found++] = table[i].id;
      kill(table[i].id, SIGKILL);
    }
  }
}

/// Until there are no children left: descendants become ours as their parents die, and may fork between two rounds.
void kill_everything(pid_t group) {
  for (int round = 0; round < kill_rounds_max; ++round) {
    if (group > 0) kill(-group, SIGKILL);
    kill_descendants();
    pid_t reaped;
    do {
      reaped = waitpid(-1, nullptr, WNOHANG);
      // The number of the group may be given to somebody else once its leader is reaped.
      if (reaped == group) group = 0;
    } while (reaped > 0);
    if (reaped < 0 && errno == ECHILD) return;
    poll(nullptr, 0, 5);
  }
}

[[noreturn]] void end_like(int status) {
  if (WIFSIGNALED(status)) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    std::signal(WTERMSIG(status), SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    raise(WTERMSIG(status));
  }
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : not_run_status);
}

/// Reaps what has died. True once the command is among it.
bool reap(pid_t command, int& status) {
  bool ended = false;
  for (;;) {
    int one = 0;
    pid_t id = waitpid(-1, &one, WNOHANG);
    if (id <= 0) return ended;
    if (id != command) continue;
    status = one;
    ended = true;
  }
}

void let_go_of_standard_streams() {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 2; ++fd) null >= 0 ? dup2(null, fd) : close(fd);
  if (null > 2) close(null);
}

int watch_signals(sigset_t& set) {
  sigemptyset(&set);
  for (int s : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set, s);
  std::signal(SIGPIPE, SIG_DFL);
  std::signal(SIGCHLD, SIG_DFL);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/// Until the command ends (its status) or the node goes (then this does not return).
int supervise(pid_t command, int signals) {
  pollfd watched[] = {{signals, POLLIN, 0}, {lifeline_fd, POLLIN, 0}};
  int status = 0;
  for (;;) {
    if (reap(command, status)) return status;
    if (poll(watched, 2, -1) < 0) continue;
    if (watched[1].revents != 0) {
      kill_everything(command);
      _exit(128 + SIGKILL);
    }
    signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      if (info.ssi_signo != SIGCHLD) kill(-command, static_cast<int>(info.ssi_signo));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || fcntl(lifeline_fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(report_fd, F_SETFD, FD_CLOEXEC) < 0) {
    std::fputs("holdfast-guard is started by holdfastd; it is of no use by itself\n", stderr);
    return 2;
  }
  // What the node itself was given by its parent without FD_CLOEXEC would otherwise go on to the command.
  close_range(report_fd + 1, ~0u, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t set;
  int signals = watch_signals(set);
  const pid_t guard = getpid();
  const pid_t command = signals < 0 ? -1 : fork();
  if (command == 0) run_command(argv[1], argv[2], argv + 3, guard);
  if (command < 0) {
    report("fork", errno);
    _exit(not_run_status);
  }
  // Both sides set the group, so that it exists whichever runs first.
  setpgid(command, command);
  report("pid", command);
  close(report_fd);
  let_go_of_standard_streams();
  int status = supervise(command, signals);
  kill_everything(0);
  end_like(status);
}
