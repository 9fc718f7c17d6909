// Makes a task, sends it an event, follows its log over a cut and cancels it, over Connect. Ends with status 0 only if the
// server kept what it promises.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	pb "example.com/pigeonhole-client/gen/pigeonhole/v1"
	"example.com/pigeonhole-client/gen/pigeonhole/v1/pigeonholev1connect"
)

func main() {
	url := "http://127.0.0.1:8080"
	if len(os.Args) > 1 {
		url = os.Args[1]
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	tasks := pigeonholev1connect.NewTaskServiceClient(http.DefaultClient, url)
	if err := run(ctx, tasks); err != nil {
		fmt.Fprintln(os.Stderr, explain(err))
		os.Exit(1)
	}
}

func run(ctx context.Context, tasks pigeonholev1connect.TaskServiceClient) error {
	taskID, err := createTwice(ctx, tasks)
	if err != nil {
		return err
	}
	sent, err := tasks.SendEvent(ctx, &pb.SendEventRequest{
		TaskId: taskID, Parts: text("the pigeons are back"), RequestId: rand.Text(),
	})
	if err != nil {
		return err
	}
	fmt.Println("sent: the event is durable, at sequence", sent.Event.Sequence)

	seen := &conversation{}
	// Leaves the stream in the middle of the answer.
	if err := seen.read(follow(ctx, tasks, taskID, 0), isDelta); err != nil {
		return err
	}
	fmt.Println("cut: goes on after sequence", seen.sequence)
	isProcessed := func(update *pb.TaskUpdate) bool {
		event := update.GetEvent()
		return event.GetId() == sent.Event.Id && event.State == pb.EventState_EVENT_STATE_PROCESSED
	}
	if err := seen.read(follow(ctx, tasks, taskID, seen.sequence), isProcessed); err != nil {
		return err
	}
	listed, err := tasks.ListMessages(ctx, &pb.ListMessagesRequest{TaskId: taskID})
	if err != nil {
		return err
	}
	if err := seen.mustBe(listed.Messages); err != nil {
		return err
	}
	for _, message := range listed.Messages {
		fmt.Printf("%v: %s\n", message.Author, textOf(message))
	}
	return cancel(ctx, tasks, taskID, seen)
}

// createTwice makes a task, as if the first answer had been lost: with the same request id there is one task.
func createTwice(ctx context.Context, tasks pigeonholev1connect.TaskServiceClient) (string, error) {
	params, err := structpb.NewStruct(map[string]any{"who": "Go"})
	if err != nil {
		return "", err
	}
	request := &pb.CreateTaskRequest{Agent: "greeter", Params: params, RequestId: rand.Text()}
	first, err := tasks.CreateTask(ctx, request)
	if err != nil {
		return "", err
	}
	second, err := tasks.CreateTask(ctx, request)
	if err != nil {
		return "", err
	}
	if !second.Duplicate || !proto.Equal(second.Task, first.Task) {
		return "", fmt.Errorf("the request made a second task: %v", second)
	}
	fmt.Println("created: one task, though asked for twice:", first.Task.Id)
	return first.Task.Id, nil
}

// cancel sends another event, cancels the task before it is answered, and follows the log to its end.
func cancel(ctx context.Context, tasks pigeonholev1connect.TaskServiceClient, taskID string, seen *conversation) error {
	late := &pb.SendEventRequest{TaskId: taskID, Parts: text("one more thing"), RequestId: rand.Text()}
	if _, err := tasks.SendEvent(ctx, late); err != nil {
		return err
	}
	enough := &pb.CancelTaskRequest{TaskId: taskID, Reason: "enough", RequestId: rand.Text()}
	if _, err := tasks.CancelTask(ctx, enough); err != nil {
		return err
	}
	if err := seen.read(follow(ctx, tasks, taskID, seen.sequence), never); err != nil {
		return err
	}
	if seen.state != pb.TaskState_TASK_STATE_CANCELLED {
		return fmt.Errorf("the log of a cancelled task ended with %v", seen.state)
	}
	events, err := tasks.ListEvents(ctx, &pb.ListEventsRequest{TaskId: taskID})
	if err != nil {
		return err
	}
	if last := events.Events[len(events.Events)-1]; last.State != pb.EventState_EVENT_STATE_DROPPED {
		return fmt.Errorf("the event that came too late is %v", last.State)
	}
	fmt.Println("cancelled: the log has ended, and what waited was dropped")

	late.RequestId = rand.Text()
	_, err = tasks.SendEvent(ctx, late)
	if reasonOf(err) != "TASK_FINISHED" {
		return errors.Join(errors.New("a finished task took an event"), err)
	}
	fmt.Println("refused:", explain(err))
	return nil
}

func isDelta(update *pb.TaskUpdate) bool {
	return update.GetDelta() != nil
}

func never(*pb.TaskUpdate) bool {
	return false
}

func text(value string) []*pb.Part {
	return []*pb.Part{{Content: &pb.Part_Text{Text: value}}}
}
