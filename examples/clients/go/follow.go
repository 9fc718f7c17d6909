package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"

	pb "example.com/pigeonhole-client/gen/pigeonhole/v1"
	"example.com/pigeonhole-client/gen/pigeonhole/v1/pigeonholev1connect"
)

const (
	// The most attempts in a row without a connection that holds.
	maxAttempts = 30
	// After so long without a heartbeat, which comes every 15 seconds by default, a connection counts as lost.
	silence = 45 * time.Second
)

// follow yields what the log of a task has after a sequence, until the task has ended. A server that stops or is overloaded
// and a lost connection are waited for; it then goes on after the last sequence seen, without a gap or a duplicate.
func follow(
	ctx context.Context, tasks pigeonholev1connect.TaskServiceClient, taskID string, after int64,
) iter.Seq2[*pb.TaskUpdate, error] {
	return func(yield func(*pb.TaskUpdate, error) bool) {
		for attempt := 1; ; attempt++ {
			held, err := subscribe(ctx, tasks, taskID, after, func(update *pb.TaskUpdate) bool {
				after = update.Sequence
				return update.GetHeartbeat() != nil || yield(update, nil)
			})
			if err == nil {
				return
			}
			if held {
				attempt = 0
			}
			if !mayResume(err) || ctx.Err() != nil || attempt == maxAttempts {
				yield(nil, err)
				return
			}
			fmt.Printf("lost: %s; subscribes again after sequence %d\n", explain(err), after)
			select {
			case <-time.After(min(time.Duration(attempt)*100*time.Millisecond, 2*time.Second) + retryAfter(err)):
			case <-ctx.Done():
			}
		}
	}
}

// subscribe hands on what one stream brings, and tells whether its connection held. Returns no error at the log's end, or when
// no more is wanted.
func subscribe(
	ctx context.Context, tasks pigeonholev1connect.TaskServiceClient, taskID string, after int64,
	receive func(*pb.TaskUpdate) (more bool),
) (held bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	stream, err := tasks.SubscribeTask(ctx, &pb.SubscribeTaskRequest{TaskId: taskID, AfterSequence: after})
	if err != nil {
		return false, err
	}
	answered := false
	for stream.Receive() {
		watchdog.Reset(silence)
		update := stream.Msg().Update
		// The first heartbeat comes at once, and does not show yet that the connection holds.
		held = held || answered || update.GetHeartbeat() == nil
		answered = true
		if !receive(update) {
			return held, nil
		}
	}
	// Silence is no failure where the server had answered: its heartbeats may be rarer.
	held = held || answered && !watchdog.Stop()
	return held, stream.Err()
}

// mayResume tells whether a stream broke, or was refused for now, rather than for good. All errors of the server's have a
// reason; one without is the connection's, unless something in between refused: a wrong address answers with the status 404,
// a proxy that wants other credentials with 401 or 403.
func mayResume(err error) bool {
	switch connect.CodeOf(err) {
	case connect.CodeUnavailable:
		return true
	case connect.CodeUnimplemented, connect.CodeUnauthenticated, connect.CodePermissionDenied:
		return retryAfter(err) > 0
	default:
		return reasonOf(err) == "" || retryAfter(err) > 0
	}
}

// retryAfter gives how long the server wants to be left alone: 0 if it does not say that trying again helps.
func retryAfter(err error) time.Duration {
	return detailOf[*errdetails.RetryInfo](err).GetRetryDelay().AsDuration()
}

// reasonOf gives the reason in the ErrorInfo that every error of the server has, or "" if an error is not the server's.
func reasonOf(err error) string {
	return detailOf[*errdetails.ErrorInfo](err).GetReason()
}

// detailOf gives the detail of a kind that an error has, or nil.
func detailOf[Detail proto.Message](err error) (none Detail) {
	var failure *connect.Error
	if !errors.As(err, &failure) {
		return none
	}
	for _, detail := range failure.Details() {
		value, err := detail.Value()
		if found, ok := value.(Detail); err == nil && ok {
			return found
		}
	}
	return none
}

// explain puts the reason before what an error says.
func explain(err error) string {
	if reason := reasonOf(err); reason != "" {
		return reason + ": " + err.Error()
	}
	return err.Error()
}
