#include "sensor/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sensor/sandbox_calls.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_LEAK_CHECK 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_LEAK_CHECK 1
#endif

#ifdef HAS_LEAK_CHECK
/* LeakSanitizer forks a tracer and reads /proc, which no sandbox lets it: it is off behind one, and on with --no-sandbox. Its runtime asks this at the end. */
int __lsan_is_turned_off(void); /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the sanitizer's interface */
int __lsan_is_turned_off(void)  /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}
#endif

/* Landlock's rights as of its first version: enough to forbid every file that is not named. Moving between folders (its second) stays forbidden where not handled. */
#define RIGHTS_READ  (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)
#define RIGHTS_OF_FILE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define RIGHTS_OTHER                                                                                                                                           \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK |     \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* What looking a name up reads (nsswitch, resolv.conf, hosts, and the libraries they ask for), and the system's certificates, which TLS looks up by hash. */
static const char *const name_service[] = {"/etc", "/run/systemd/resolve", "/lib", "/lib64", "/usr/lib", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates"};

static const unsigned kinds[MXT_SANDBOX_KINDS] = {
    [MXT_SANDBOX_PACKETS] = MXT_NEED_BASE | MXT_NEED_CAPTURE,
    [MXT_SANDBOX_REPLAY] = MXT_NEED_BASE | MXT_NEED_READ_FILES | MXT_NEED_TELL,
    [MXT_SANDBOX_JUDGE] = MXT_NEED_BASE | MXT_NEED_WRITE | MXT_NEED_FILES,
    [MXT_SANDBOX_PUBLISHER] = MXT_NEED_BASE | MXT_NEED_WRITE | MXT_NEED_FILES | MXT_NEED_CONNECT,
    [MXT_SANDBOX_METRICS] = MXT_NEED_BASE | MXT_NEED_WRITE | MXT_NEED_ACCEPT,
    [MXT_SANDBOX_MAIN] = MXT_NEED_BASE | MXT_NEED_CAPTURE | MXT_NEED_TELL,
};

static enum mxt_status fail(char *error, size_t error_size, const char *what, int number)
{
    snprintf(error, error_size, "the sandbox cannot be entered: %s: %s; --no-sandbox runs without it, for debugging", what, strerror(number));
    return MXT_EIO;
}

/* ---- the account and its capabilities ---- */

const char *mxt_sandbox_default_user(void)
{
    return getpwnam("mxtap") != NULL ? "mxtap" : "nobody";
}

/* Drops the bounding set too where it may; without CAP_SETPCAP nobody can, and no_new_privs holds all the same. */
static enum mxt_status drop_capabilities(const struct mxt_sandbox_config *config, char *error, size_t error_size)
{
    capng_get_caps_process();
    bool may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 1;
    bool may_read = capng_have_capability(CAPNG_EFFECTIVE, CAP_DAC_READ_SEARCH) == 1 && geteuid() == 0;
    capng_clear(CAPNG_SELECT_ALL);
    if (may_read && config->keeps_reading_all && capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_DAC_READ_SEARCH) != 0)
        return fail(error, error_size, "keeping the right to read", errno);
    if (capng_apply(may_bound ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) != 0)
        return fail(error, error_size, "giving up capabilities", errno);
    return MXT_OK;
}

static enum mxt_status leave_root(const char *user, char *error, size_t error_size)
{
    errno = 0;
    const struct passwd *account = getpwnam(user);
    if (account == NULL) {
        snprintf(error, error_size, "there is no user \"%.64s\" to turn into; make it, or name another with user: in the configuration", user);
        return MXT_EIO;
    }
    if (account->pw_uid == 0)
        return MXT_OK;
    if (setgroups(0, NULL) != 0 || setresgid(account->pw_gid, account->pw_gid, account->pw_gid) != 0 ||
        setresuid(account->pw_uid, account->pw_uid, account->pw_uid) != 0)
        return fail(error, error_size, "leaving root's account", errno);
    return MXT_OK;
}

/* Before anything is given up for good: whether the account may do what will be asked of it. */
static enum mxt_status check_folders(const struct mxt_sandbox_config *config, char *error, size_t error_size)
{
    for (size_t i = 0; i < MXT_SANDBOX_FOLDERS; i++) {
        const char *folder = config->folders[i];
        if (folder == NULL || faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0)
            continue;
        if (config->user != NULL)
            snprintf(error, error_size, "user \"%.64s\" may not write in the folder %.200s: %.80s; give it to that user, or name another with user: in the configuration",
                     config->user, folder, strerror(errno));
        else
            snprintf(error, error_size, "without root's privileges nothing can be written in the folder %.200s: %.80s; run this as the user whom it belongs to", folder,
                     strerror(errno));
        return MXT_EIO;
    }
    return MXT_OK;
}

/* ---- files ---- */

/* Allows rights beneath a folder, or at a file; one that does not exist needs no rule. 0 or errno. */
static int allow_beneath(int ruleset, const char *path, uint64_t rights)
{
    struct stat info;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0)
        return errno == ENOENT ? 0 : errno;
    if (fstat(rule.parent_fd, &info) != 0 || !S_ISDIR(info.st_mode))
        rule.allowed_access &= RIGHTS_OF_FILE;
    int result = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0 ? 0 : errno;
    close(rule.parent_fd);
    return result;
}

static int allow_all(int ruleset, const struct mxt_sandbox_config *config)
{
    int result = 0;
    for (size_t i = 0; i < MXT_SANDBOX_FOLDERS && result == 0; i++)
        if (config->folders[i] != NULL)
            result = allow_beneath(ruleset, config->folders[i], RIGHTS_READ | RIGHTS_WRITE);
    for (size_t i = 0; i < config->readable_count && result == 0; i++)
        if (config->readable[i] != NULL)
            result = allow_beneath(ruleset, config->readable[i], RIGHTS_READ);
    for (size_t i = 0; i < sizeof name_service / sizeof *name_service && result == 0 && config->has_publisher; i++)
        result = allow_beneath(ruleset, name_service[i], RIGHTS_READ);
    return result;
}

static enum mxt_status restrict_files(const struct mxt_sandbox_config *config, bool *has_landlock, char *error, size_t error_size)
{
    struct landlock_ruleset_attr attr = {.handled_access_fs = RIGHTS_READ | RIGHTS_WRITE | RIGHTS_OTHER};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    *has_landlock = ruleset >= 0;
    if (ruleset < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) /* a kernel without it, or in which it is switched off */
        return MXT_OK;
    if (ruleset < 0)
        return fail(error, error_size, "Landlock", errno);
    int result = allow_all(ruleset, config);
    if (result == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        result = errno;
    close(ruleset);
    return result == 0 ? MXT_OK : fail(error, error_size, "Landlock", result);
}

/* ---- system calls ---- */

/* 0 or errno. */
static int load_filter(unsigned needs)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL)
        return ENOMEM;
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);      /* told in the audit log, where the kernel can */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: found in 7 steps, not in 100 */
    int result = mxt_sandbox_calls_add(filter, needs);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    return -result;
}

enum mxt_status mxt_sandbox_enter(const struct mxt_sandbox_config *config, bool *has_landlock, char *error, size_t error_size)
{
    bool is_kept_from_files;
    enum mxt_status status = MXT_OK;
    if (geteuid() == 0 && config->user != NULL)
        status = leave_root(config->user, error, error_size);
    if (status == MXT_OK)
        status = drop_capabilities(config, error, error_size);
    if (status == MXT_OK)
        status = check_folders(config, error, error_size);
    if (status != MXT_OK)
        return status;
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        return fail(error, error_size, "forbidding core dumps", errno);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail(error, error_size, "no_new_privs", errno);
    status = restrict_files(config, &is_kept_from_files, error, error_size);
    if (has_landlock != NULL)
        *has_landlock = is_kept_from_files;
    if (status != MXT_OK)
        return status;
    unsigned needs = MXT_NEED_THREADS | kinds[MXT_SANDBOX_PACKETS] | kinds[MXT_SANDBOX_REPLAY] | kinds[MXT_SANDBOX_JUDGE];
    needs |= (config->has_publisher ? kinds[MXT_SANDBOX_PUBLISHER] : 0) | (config->has_metrics ? kinds[MXT_SANDBOX_METRICS] : 0);
    int refused = load_filter(needs);
    return refused == 0 ? MXT_OK : fail(error, error_size, "seccomp", refused);
}

enum mxt_status mxt_sandbox_narrow(enum mxt_sandbox_kind kind)
{
    return load_filter(kinds[kind]) == 0 ? MXT_OK : MXT_EIO;
}
