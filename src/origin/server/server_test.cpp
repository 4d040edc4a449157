#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "origin/server/packages.h"
#include "origin/server/processes.h"

namespace perdure::origin {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

/// A small machine in a folder: dpkg's memory, files, processes.
class ServerTest : public testing::Test {
protected:
    ServerTest() : scratch_(std::move(*system::ScratchFolder::create())) {}
    void file(std::string const& path, std::string const& text) {
        fs::path const place = scratch_.path() / path;
        fs::create_directories(place.parent_path());
        std::ofstream(place, std::ios::binary) << text;
    }
    ServerInventory look() {
        auto found = inspect_server({.root = scratch_.path()}, {});
        EXPECT_TRUE(found) << found.error().message();
        return found ? std::move(*found) : ServerInventory{};
    }
    std::vector<std::string> files(ServerInventory const& inventory, ServerFile::What what) {
        std::vector<std::string> out;
        for (auto const& one : inventory.files)
            if (one.what == what) out.push_back(one.path.string());
        return out;
    }
    void process(int pid, int parent, std::string const& comm, std::string const& cmdline) {
        auto const folder = "proc/" + std::to_string(pid) + "/";
        file(folder + "comm", comm + "\n");
        file(folder + "cmdline", cmdline);
        file(folder + "stat",
             std::to_string(pid) + " (" + comm + ") S " + std::to_string(parent) + " 1 1 0\n");
        fs::create_directories(scratch_.path() / (folder + "fd"));
    }
    system::ScratchFolder scratch_;
};

constexpr char const* status =
    "Package: nginx-common\nStatus: install ok installed\nArchitecture: all\nVersion: 1.22.1-9\n"
    "Conffiles:\n"
    " /etc/nginx/nginx.conf 5d41402abc4b2a76b9719d911017c592\n"  // "hello"
    " /etc/nginx/mime.types 5d41402abc4b2a76b9719d911017c592\n"
    " /etc/nginx/gone.conf 5d41402abc4b2a76b9719d911017c592\n"
    " /etc/nginx/old.conf 5d41402abc4b2a76b9719d911017c592 obsolete\n"
    "Description: web server\n small and quick\n\n"
    "Package: removed\nStatus: deinstall ok config-files\nVersion: 1\n"
    "Conffiles:\n /etc/removed.conf 5d41402abc4b2a76b9719d911017c592\n\n"
    "Package: libzstd1\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.5.4\n";

TEST_F(ServerTest, ConfigurationsAreComparedWithWhatTheirPackageBrought) {
    file("var/lib/dpkg/status", status);
    fs::create_directories(scratch_.path() / "var/lib/dpkg/info");
    file("etc/nginx/nginx.conf", "hello, changed");
    file("etc/nginx/mime.types", "hello");
    auto const found = look();
    EXPECT_THAT(files(found, ServerFile::What::changed), ElementsAre("/etc/nginx/nginx.conf"));
    EXPECT_THAT(files(found, ServerFile::What::missing), ElementsAre("/etc/nginx/gone.conf"));
    EXPECT_EQ(found.files.front().note, "nginx-common");
    ASSERT_EQ(found.packages.size(), 2u);
    EXPECT_EQ(found.packages[1].name, "nginx-common");
    EXPECT_EQ(found.packages[1].version, "1.22.1-9");
}

TEST_F(ServerTest, WhatNoPackageOwnsIsFoundWhereverPeoplePutThings) {
    file("var/lib/dpkg/status", status);
    file("var/lib/dpkg/info/nginx-common.list", "/.\n/etc\n/etc/nginx\n/etc/nginx/fastcgi.conf\n");
    file("etc/nginx/fastcgi.conf", "owned");
    file("etc/nginx/sites-enabled/shop", "server {}");
    file("etc/ld.so.cache", "made by ldconfig");
    file("etc/systemd/system/shop.service", "[Service]");
    file("etc/cron.d/shop", "* * * * * root true");
    file("var/spool/cron/crontabs/ada", "@daily true");
    file("opt/shop/run", "#!/bin/sh");
    file("var/lib/docker/volumes/shop/_data/shop.db", "data");
    file("var/lib/redis/dump.rdb", "REDIS0009");
    auto const found = look();
    EXPECT_THAT(files(found, ServerFile::What::unowned),
                ElementsAre("/etc/nginx/sites-enabled/shop", "/opt/shop/run",
                            "/var/lib/docker/volumes/shop/_data/shop.db"));
    EXPECT_THAT(files(found, ServerFile::What::unit),
                ElementsAre("/etc/systemd/system/shop.service"));
    EXPECT_THAT(files(found, ServerFile::What::crontab),
                ElementsAre("/etc/cron.d/shop", "/var/spool/cron/crontabs/ada"));
    EXPECT_THAT(files(found, ServerFile::What::dump), ElementsAre("/var/lib/redis/dump.rdb"));
}

TEST_F(ServerTest, CertificatesThatPeoplePutAmongTheSystemsOwnAreFound) {
    file("var/lib/dpkg/status", status);
    file("etc/ssl/certs/ca-certificates.crt", "made by update-ca-certificates");
    file("etc/ssl/certs/shop.pem", "theirs");
    EXPECT_THAT(files(look(), ServerFile::What::unowned), ElementsAre("/etc/ssl/certs/shop.pem"));
}

TEST_F(ServerTest, WhatItDoesNotLookAtIsNamed) {
    file("var/lib/dpkg/status", status);
    file("home/ada/diary.txt", "x");
    fs::create_directories(scratch_.path() / "root");
    auto const remarks = look().remarks;
    auto const about = [&](std::string const& folder) {
        return std::ranges::any_of(
            remarks, [&](auto const& remark) { return remark.starts_with(folder + ":"); });
    };
    EXPECT_TRUE(about("/home"));
    EXPECT_TRUE(about("/var/lib"));
    EXPECT_FALSE(about("/root")) << "it is empty";
    EXPECT_FALSE(about("/var/www")) << "it is not there";
}

TEST_F(ServerTest, RunningDatabasesAreNamedOnceWithTheirAddressAndDump) {
    using namespace std::string_literals;  // the whole literal, NULs too
    process(100, 1, "postgres", "/usr/lib/postgresql/15/bin/postgres\0-D\0/srv/pg\0"s);
    process(101, 100, "postgres", "postgres: checkpointer");
    process(200, 1, "mariadbd", "mariadbd\0--datadir=/srv/my\0--password=geheim\0"s);
    process(300, 1, "bash", "bash");
    file(
        "proc/net/tcp",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt uid timeout "
        "inode\n"
        "   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1\n"
        "   1: 0100007F:1539 0100007F:1538 01 00000000:00000000 00:00000000 00000000 0 0 4712 1\n");
    fs::create_symlink("socket:[4711]", scratch_.path() / "proc/100/fd/7");
    auto const found = look();
    ASSERT_EQ(found.servers.size(), 2u);
    auto const& maria = found.servers[0];
    EXPECT_EQ(maria.engine, "mariadb");
    EXPECT_EQ(maria.data, "/srv/my");
    EXPECT_THAT(maria.program, testing::Not(HasSubstr("geheim")));
    auto const& postgres = found.servers[1];
    EXPECT_EQ(postgres.pid, 100);
    EXPECT_EQ(postgres.data, "/srv/pg");
    EXPECT_THAT(postgres.listening, ElementsAre("127.0.0.1:5432"));
    EXPECT_EQ(postgres.dump.front(), "pg_dumpall");
}

TEST_F(ServerTest, AMachineWithoutDpkgIsLookedAtAllTheSameAndSaysSo) {
    file("etc/app.conf", "x");
    auto const found = look();
    EXPECT_THAT(files(found, ServerFile::What::unowned), ElementsAre("/etc/app.conf"));
    ASSERT_FALSE(found.remarks.empty());
    EXPECT_THAT(found.remarks.front(), HasSubstr("what packages brought is not known"));
}

TEST(ListeningSockets, ReadsBothFamiliesAndSurvivesNonsense) {
    auto const found = listening_sockets(
        "x\n\n   0: 00000000000000000000000001000000:0CEA 00000000000000000000000000000000:0000 0A "
        "0:0 0:0 0 0 0 9 1\n 1: zz 0 0A\n 2: 00000000000000000000000000000000:18EB "
        "00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 10 1");
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].second, "[::1]:3306");
    EXPECT_EQ(found[1].second, "[::]:6379");
}

TEST(PackageStatus, AutomaticPackagesAreKnown) {
    PackageFiles files;
    read_status(status, files);
    read_extended_states("Package: libzstd1\nArchitecture: amd64\nAuto-Installed: 1\n\n", files);
    EXPECT_FALSE(files.packages[0].automatic);
    EXPECT_TRUE(files.packages[1].automatic);
}

}  // namespace
}  // namespace perdure::origin
