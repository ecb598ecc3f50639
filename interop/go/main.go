// go-zookeeper against the server: every basic operation, and the same session across two server restarts.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"
)

var (
	hosts []string
	conn  *zk.Conn
	world = zk.WorldACL(zk.PermAll)
	stdin = bufio.NewReader(os.Stdin)
)

func main() {
	log.SetOutput(io.Discard)
	hosts = []string{"127.0.0.1:" + os.Args[1]}
	var err error
	if conn, err = connect(); err != nil {
		fmt.Println("not ok connect:", err)
		os.Exit(1)
	}
	checks := []struct {
		name string
		body func()
	}{
		{"crud", crud}, {"versions", versions}, {"ephemerals", ephemerals}, {"sequences", sequences},
		{"containers and TTL", lifetimes}, {"watches", watches}, {"acls", acls}, {"multi", multi},
		{"lock recipe", lockRecipe},
		{"restarts", restarts},
	}
	for _, c := range checks {
		run(c.name, c.body)
	}
	conn.Close()
}

// A failed expectation panics; run turns that into the check's outcome.
func run(name string, body func()) {
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Printf("not ok %s: %s\n", name, strings.ReplaceAll(fmt.Sprint(reason), "\n", " "))
			return
		}
		fmt.Printf("ok %s\n", name)
	}()
	body()
}

func connect() (*zk.Conn, error) {
	c, events, err := zk.Connect(hosts, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		return nil, err
	}
	deadline := time.After(15 * time.Second)
	for {
		select {
		case event := <-events:
			if event.State == zk.StateHasSession {
				return c, nil
			}
		case <-deadline:
			return nil, errors.New("no session in time")
		}
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("unexpected error %v", err))
	}
	return value
}

func ok(err error) {
	if err != nil {
		panic(fmt.Sprintf("unexpected error %v", err))
	}
}

func fails(err, want error) {
	if !errors.Is(err, want) {
		panic(fmt.Sprintf("expected error %v, got %v", want, err))
	}
}

func equal(got, want any) {
	if !reflect.DeepEqual(got, want) {
		panic(fmt.Sprintf("expected %v, got %v", want, got))
	}
}

func read(path string) (string, *zk.Stat) {
	data, stat, err := conn.Get(path)
	ok(err)
	return string(data), stat
}

func missing(path string) {
	exists, _, err := conn.Exists(path)
	ok(err)
	equal(exists, false)
}

func crud() {
	must(conn.Create("/go", nil, 0, world))
	equal(must(conn.Create("/go/a", []byte("one"), 0, world)), "/go/a")
	must(conn.Set("/go/a", []byte("two"), -1))
	data, stat := read("/go/a")
	equal(data, "two")
	equal([]int32{stat.Version, stat.DataLength, stat.NumChildren}, []int32{1, 3, 0})
	_, err := conn.Create("/go/a", nil, 0, world)
	fails(err, zk.ErrNodeExists)
	_, _, err = conn.Get("/go/none")
	fails(err, zk.ErrNoNode)
	must(conn.Create("/go/a/b", []byte{}, 0, world))
	fails(conn.Delete("/go/a", -1), zk.ErrNotEmpty)
	children, parent, err := conn.Children("/go/a")
	ok(err)
	equal(children, []string{"b"})
	equal(parent.NumChildren, int32(1))
	ok(conn.Delete("/go/a/b", -1))
	ok(conn.Delete("/go/a", 1))
	missing("/go/a")
	equal(must(conn.Sync("/go")), "/go")
	_, err = conn.Create("/go/x/y", nil, 0, world)
	fails(err, zk.ErrNoNode)
}

func versions() {
	must(conn.Create("/go/v", nil, 0, world))
	for number := int32(0); number < 5; number++ {
		equal(must(conn.Set("/go/v", []byte{byte(number)}, number)).Version, number+1)
	}
	_, err := conn.Set("/go/v", nil, 2)
	fails(err, zk.ErrBadVersion)
	fails(conn.Delete("/go/v", 4), zk.ErrBadVersion)
	ok(conn.Delete("/go/v", 5))
}

func ephemerals() {
	other := must(connect())
	must(other.Create("/go/eph", nil, zk.FlagEphemeral, world))
	_, stat := read("/go/eph")
	equal(stat.EphemeralOwner, other.SessionID())
	_, err := conn.Create("/go/eph/child", nil, 0, world)
	fails(err, zk.ErrNoChildrenForEphemerals)
	other.Close()
	eventually("ephemeral gone", func() bool {
		exists, _, err := conn.Exists("/go/eph")
		return err == nil && !exists
	})
}

func sequences() {
	must(conn.Create("/go/seq", nil, 0, world))
	for number := 0; number < 20; number++ {
		path := must(conn.Create("/go/seq/n-", nil, zk.FlagSequence, world))
		equal(path, fmt.Sprintf("/go/seq/n-%010d", number))
	}
	path := must(conn.CreateProtectedEphemeralSequential("/go/seq/p-", nil, world))
	equal(strings.HasSuffix(path, "p-0000000020"), true)
}

func lifetimes() {
	equal(must(conn.CreateContainer("/go/box", nil, zk.FlagContainer, world)), "/go/box")
	must(conn.CreateTTL("/go/ttl", []byte("x"), zk.FlagTTL, world, 10*time.Minute))
	_, stat := read("/go/ttl")
	equal(stat.EphemeralOwner, int64(0))
}

func watches() {
	_, _, created, err := conn.ExistsW("/go/w")
	ok(err)
	must(conn.Create("/go/w", nil, 0, world))
	next(created, zk.EventNodeCreated, "/go/w")
	_, _, changed, err := conn.GetW("/go/w")
	ok(err)
	_, _, children, err := conn.ChildrenW("/go/w")
	ok(err)
	must(conn.Create("/go/w/c", nil, 0, world))
	next(children, zk.EventNodeChildrenChanged, "/go/w")
	must(conn.Set("/go/w", []byte("x"), -1))
	next(changed, zk.EventNodeDataChanged, "/go/w")
	_, _, deleted, err := conn.GetW("/go/w/c")
	ok(err)
	ok(conn.Delete("/go/w/c", -1))
	next(deleted, zk.EventNodeDeleted, "/go/w/c")
}

func next(events <-chan zk.Event, kind zk.EventType, path string) {
	select {
	case event := <-events:
		equal(event.Type, kind)
		equal(event.Path, path)
	case <-time.After(5 * time.Second):
		panic(fmt.Sprintf("no %v event for %s", kind, path))
	}
}

func acls() {
	owner := must(connect())
	defer owner.Close()
	ok(owner.AddAuth("digest", []byte("bob:secret")))
	private := zk.DigestACL(zk.PermAll, "bob", "secret")
	must(owner.Create("/go/private", []byte("mine"), 0, private))
	_, _, err := conn.Get("/go/private")
	fails(err, zk.ErrNoAuth)
	_, err = conn.Set("/go/private", nil, -1)
	fails(err, zk.ErrNoAuth)
	_, err = conn.Create("/go/bad", nil, 0, []zk.ACL{})
	fails(err, zk.ErrInvalidACL)
	listed, stat, err := owner.GetACL("/go/private")
	ok(err)
	equal(listed, private)
	equal(stat.Aversion, int32(0))
	equal(must(owner.SetACL("/go/private", world, 0)).Aversion, int32(1))
	data, _ := read("/go/private")
	equal(data, "mine")
}

func multi() {
	results, err := conn.Multi(
		&zk.CreateRequest{Path: "/go/t", Data: []byte("1"), Acl: world},
		&zk.SetDataRequest{Path: "/go/t", Data: []byte("2"), Version: 0},
		&zk.CheckVersionRequest{Path: "/go/t", Version: 1},
		&zk.CreateRequest{Path: "/go/t/c", Acl: world},
		&zk.DeleteRequest{Path: "/go/t/c", Version: -1},
	)
	ok(err)
	equal(results[0].String, "/go/t")
	equal(results[1].Stat.Version, int32(1))
	results, err = conn.Multi(
		&zk.CreateRequest{Path: "/go/t2", Acl: world},
		&zk.CheckVersionRequest{Path: "/go/t", Version: 7},
		&zk.DeleteRequest{Path: "/go/t", Version: -1},
	)
	fails(err, zk.ErrBadVersion)
	equal(len(results), 3)
	fails(results[1].Error, zk.ErrBadVersion)
	missing("/go/t2")
}

func lockRecipe() {
	order := make(chan int, 100)
	done := make(chan error, 5)
	inside := 0
	for worker := 0; worker < 5; worker++ {
		go func() {
			c, err := connect()
			if err != nil {
				done <- err
				return
			}
			defer c.Close()
			for round := 0; round < 10 && err == nil; round++ {
				lock := zk.NewLock(c, "/go/lock", world)
				if err = lock.Lock(); err == nil {
					inside++
					order <- inside
					time.Sleep(time.Millisecond)
					inside--
					err = lock.Unlock()
				}
			}
			done <- err
		}()
	}
	for worker := 0; worker < 5; worker++ {
		ok(<-done)
	}
	for count := 0; count < 50; count++ {
		equal(<-order, 1)
	}
}

func restarts() {
	session := conn.SessionID()
	must(conn.Create("/go/alive", nil, zk.FlagEphemeral, world))
	must(conn.Create("/go/watched", nil, 0, world))
	for round, signal := range []string{"SIGTERM", "SIGKILL"} {
		_, _, changed, err := conn.GetW("/go/watched")
		ok(err)
		fmt.Printf("@restart %s\n", signal)
		must(stdin.ReadString('\n'))
		eventually("session back", func() bool { return conn.State() == zk.StateHasSession })
		must(conn.Set("/go/watched", []byte{byte(round)}, int32(round)))
		next(changed, zk.EventNodeDataChanged, "/go/watched")
		equal(conn.SessionID(), session)
		_, stat := read("/go/alive")
		equal(stat.EphemeralOwner, session)
	}
}

func eventually(what string, condition func() bool) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if condition() {
			return
		}
	}
	panic("never happened: " + what)
}
