// publisher sends what a sensor measures to a server, one small JSON document for each reading:
//
//	publisher -url https://telemetry.example.org/v1 -topic greenhouse/light
//
// makes each reading a POST to https://telemetry.example.org/v1/greenhouse/light. While the server
// does not answer, the newest readings are kept and sent later.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How many readings wait for a server that is away: an hour of them, one each 10 seconds.
const backlog = 360

type reading struct {
	Time  time.Time `json:"time"`
	Lux   float64   `json:"lux"`
	Faked bool      `json:"simulated,omitempty"`
}

type config struct {
	target   string
	token    string
	source   string
	interval time.Duration
	once     bool
}

func configure() (config, error) {
	server := flag.String("url", os.Getenv("PUBLISHER_URL"), "server, http or https (PUBLISHER_URL)")
	topic := flag.String("topic", "light", "what is measured, a path below the server's")
	source := flag.String("source", "", "file that holds the reading; without it a day is simulated")
	interval := flag.Duration("interval", 10*time.Second, "time between two readings")
	once := flag.Bool("once", false, "send one reading and end")
	flag.Parse()

	c := config{
		token:    os.Getenv("PUBLISHER_TOKEN"),
		source:   *source,
		interval: *interval,
		once:     *once,
	}
	if flag.NArg() > 0 {
		return c, fmt.Errorf("what is %q", flag.Arg(0))
	}
	if *interval <= 0 {
		return c, errors.New("-interval: more than nothing")
	}
	base, err := url.Parse(*server)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return c, fmt.Errorf("-url: an address like https://host/path, not %q", *server)
	}
	c.target = base.JoinPath(strings.Split(*topic, "/")...).String()
	return c, nil
}

// A day that lasts a minute, for machines without a sensor.
func simulated(now time.Time) reading {
	second := float64(now.UnixMilli()%60000) / 1000
	sun := math.Max(0, math.Sin(second/60*2*math.Pi))
	lux := 0.3 + 20000*math.Pow(sun, 1.5)
	return reading{Time: now, Lux: math.Round(lux*10) / 10, Faked: true}
}

func measure(source string) (reading, error) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	if source == "" {
		return simulated(now), nil
	}
	text, err := os.ReadFile(source)
	if err != nil {
		return reading{}, err
	}
	lux, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	if err != nil || math.IsNaN(lux) || math.IsInf(lux, 0) {
		return reading{}, fmt.Errorf("%s: no number in it", source)
	}
	return reading{Time: now, Lux: lux}, nil
}

var client = &http.Client{
	Timeout: 10 * time.Second,
	// A redirect would lose the body, or take the token elsewhere.
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func publish(ctx context.Context, c config, r reading) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	// Read to its end, so that the connection can be used again.
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)); err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s", c.target, response.Status)
	}
	return nil
}

func complain(err error) {
	fmt.Fprintln(os.Stderr, "publisher:", err)
}

// Measures and sends at each tick; what could not be sent goes before the next one.
func run(ctx context.Context, c config) {
	var waiting []reading
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	for {
		if r, err := measure(c.source); err != nil {
			complain(err)
		} else if waiting = append(waiting, r); len(waiting) > backlog {
			waiting = waiting[1:]
		}
		for len(waiting) > 0 && ctx.Err() == nil {
			if err := publish(ctx, c, waiting[0]); err != nil {
				complain(err)
				break
			}
			fmt.Printf("sent %.1f lux\n", waiting[0].Lux)
			waiting = waiting[1:]
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func main() {
	c, err := configure()
	if err != nil {
		complain(err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if !c.once {
		run(ctx, c)
		return
	}
	r, err := measure(c.source)
	if err == nil {
		err = publish(ctx, c, r)
	}
	if err != nil {
		complain(err)
		os.Exit(1)
	}
	fmt.Printf("sent %.1f lux\n", r.Lux)
}
